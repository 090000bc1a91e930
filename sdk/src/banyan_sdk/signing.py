"""Signatures between platform and mini-app: requests (RFC 9421), bodies (RFC 9530) and events (Standard Webhooks).

Everything the platform sends to a mini-app is signed with one Ed25519 key, published in its JWKS. The request path is
lean on purpose, because the gateway signs every proxied call: one f-string and one Ed25519 signature.
"""

import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hmac import compare_digest

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from banyan_sdk.protocol import APP_HEADER, EVENT_TOLERANCE, REQUEST_HEADER, SIGNATURE_LIFETIME

LABEL = "banyan"
CLOCK_SKEW = 30  # seconds a signature may seem to come from the future
COVERED = ("@method", "@path", "@query", APP_HEADER, REQUEST_HEADER)
COVERED_WITH_BODY = ("@method", "@path", "@query", "content-digest", APP_HEADER, REQUEST_HEADER)

_PARAMS = "(" + " ".join(f'"{name}"' for name in COVERED) + ")"
_PARAMS_WITH_BODY = "(" + " ".join(f'"{name}"' for name in COVERED_WITH_BODY) + ")"
# One dictionary member `banyan=("a" "b");name=value…` (RFC 8941 §3.2); component parameters are not used here.
_INPUT = re.compile(
    rf'(?:^|,\s*){LABEL}=(\(((?:\s*"[a-z0-9@-]+")*)\s*\)((?:;[a-z]+=(?:"[^"\\]*"|\d{{1,12}}))*))(?:\s*,|$)'
)
_SIGNATURE = re.compile(rf"(?:^|,\s*){LABEL}=:([A-Za-z0-9+/]{{86}}==):(?:\s*,|$)")
_PARAMETER = re.compile(r';([a-z]+)=(?:"([^"\\]*)"|(\d{1,12}))')

KeyLookup = Callable[[str], Ed25519PublicKey | None]


class SignatureRefused(Exception):
    """The signature does not hold. The message says why and never repeats what was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """What a valid signature says about a request. `body_is_signed` is False for a body that was streamed."""

    app: str
    request_id: str
    keyid: str
    created: int
    body_is_signed: bool


def content_digest(body: bytes) -> str:
    """The value of Content-Digest (RFC 9530 §2) for a body."""
    return f"sha-256=:{b64encode(hashlib.sha256(body).digest()).decode('ascii')}:"


def sign_request(
    key: Ed25519PrivateKey,
    keyid: str,
    *,
    method: str,
    path: str,
    query: str,
    app: str,
    request_id: str,
    created: int,
    body: bytes | None = None,
) -> dict[str, str]:
    """The headers to send with a request, among them Banyan-App and Banyan-Request.

    `path` and `query` are as they go over the wire (still percent-encoded, `query` without its question mark).
    `body=None` leaves the body unsigned: there is none, or it is streamed.
    """
    tail = f';created={created};keyid="{keyid}";alg="ed25519";expires={created + SIGNATURE_LIFETIME}'
    if body is None:
        params = _PARAMS + tail
        headers = {APP_HEADER: app, REQUEST_HEADER: request_id, "signature-input": f"{LABEL}={params}"}
        digest_line = ""
    else:
        params = _PARAMS_WITH_BODY + tail
        digest = content_digest(body)
        headers = {
            APP_HEADER: app,
            REQUEST_HEADER: request_id,
            "content-digest": digest,
            "signature-input": f"{LABEL}={params}",
        }
        digest_line = f'"content-digest": {digest}\n'
    base = (
        f'"@method": {method}\n"@path": {path or "/"}\n"@query": ?{query}\n{digest_line}'
        f'"{APP_HEADER}": {app}\n"{REQUEST_HEADER}": {request_id}\n"@signature-params": {params}'
    )
    headers["signature"] = f"{LABEL}=:{b64encode(key.sign(base.encode('latin-1'))).decode('ascii')}:"
    return headers


def verify_request(
    headers: Mapping[str, str],
    *,
    method: str,
    path: str,
    query: str,
    keys: KeyLookup,
    now: int,
    body: bytes | None = None,
    body_must_be_signed: bool = False,
) -> SignedRequest:
    """Check a request from the platform; raises SignatureRefused.

    `headers` are looked up by lower-case name. A Content-Digest that is present is compared with `body` when given.
    """
    found = _INPUT.search(headers.get("signature-input", ""))
    signature = _SIGNATURE.search(headers.get("signature", ""))
    if not found or not signature:
        raise SignatureRefused("the request carries no signature with the label banyan")
    params, names, tail = found.groups()
    covered = re.findall(r'"([^"]+)"', names)
    parameters = {name: text or number for name, text, number in _PARAMETER.findall(tail)}
    if len(set(covered)) != len(covered):
        raise SignatureRefused("a component is covered twice")
    if missing := [name for name in COVERED if name not in covered]:
        raise SignatureRefused("the signature does not cover " + ", ".join(missing))
    created, expires = _moment(parameters, "created"), _moment(parameters, "expires")
    if created > now + CLOCK_SKEW or expires < now or expires - created > SIGNATURE_LIFETIME:
        raise SignatureRefused("the signature is not valid at this time; compare the clocks")
    if parameters.get("alg", "ed25519") != "ed25519":
        raise SignatureRefused("the signature is not ed25519")
    keyid = parameters.get("keyid", "")
    key = keys(keyid)
    if key is None:
        raise SignatureRefused("the key is not one of the platform's")
    derived = {"@method": method, "@path": path or "/", "@query": f"?{query}"}
    lines = []
    for name in covered:
        value = derived.get(name) if name.startswith("@") else headers.get(name)
        if value is None:
            raise SignatureRefused(f"the signature covers {name}, which the request does not have")
        lines.append(f'"{name}": {value}')
    lines.append(f'"@signature-params": {params}')
    try:
        key.verify(b64decode(signature[1]), "\n".join(lines).encode("latin-1"))
    except (InvalidSignature, UnicodeEncodeError):
        raise SignatureRefused("the signature does not match the request") from None
    body_is_signed = "content-digest" in covered
    if body_must_be_signed and not body_is_signed:
        raise SignatureRefused("the signature does not cover the body")
    if body_is_signed and body is not None and not compare_digest(headers["content-digest"], content_digest(body)):
        raise SignatureRefused("the body is not the one that was signed")
    return SignedRequest(
        app=headers[APP_HEADER],
        request_id=headers[REQUEST_HEADER],
        keyid=keyid,
        created=created,
        body_is_signed=body_is_signed,
    )


def _moment(parameters: Mapping[str, str], name: str) -> int:
    text = parameters.get(name, "")
    if not text.isdecimal():
        raise SignatureRefused(f"the signature does not say when it was {name}")
    return int(text)


def sign_event(key: Ed25519PrivateKey, *, event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The Standard Webhooks headers of an event, with the asymmetric `v1a` signature."""
    signature = b64encode(key.sign(_event_content(event_id, timestamp, body))).decode("ascii")
    return {"webhook-id": event_id, "webhook-timestamp": str(timestamp), "webhook-signature": f"v1a,{signature}"}


def verify_event(headers: Mapping[str, str], body: bytes, *, keys: Iterable[Ed25519PublicKey], now: int) -> str:
    """The event's id, once one of its `v1a` signatures holds under one of `keys`; raises SignatureRefused.

    Several signatures may stand side by side while the platform changes its key.
    """
    event_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", event_id) or not re.fullmatch(r"\d{1,12}", timestamp):
        raise SignatureRefused("the event has no id or no time")
    if abs(int(timestamp) - now) > EVENT_TOLERANCE:
        raise SignatureRefused("the event is too old or from the future; compare the clocks")
    content = _event_content(event_id, int(timestamp), body)
    known = list(keys)
    for entry in headers.get("webhook-signature", "").split(" ")[:8]:
        version, _, encoded = entry.partition(",")
        if version != "v1a":
            continue
        try:
            signature = b64decode(encoded, validate=True)
        except ValueError:  # not base64, or not even ASCII
            continue
        for key in known:
            try:
                key.verify(signature, content)
            except InvalidSignature:
                continue
            return event_id
    raise SignatureRefused("no v1a signature of the event holds")


def _event_content(event_id: str, timestamp: int, body: bytes) -> bytes:
    return b"%s.%d.%s" % (event_id.encode(), timestamp, body)

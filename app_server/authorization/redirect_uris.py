"""Which redirect URIs a client may register (RFC 9700 §2.1, RFC 8252 §7), and where it may be told of logouts. Pure."""

import re
from urllib.parse import SplitResult, parse_qsl, urlsplit

from app_server.kernel.addresses import EndpointRefused, endpoint, refusal
from app_server.kernel.ports import Proof

LONGEST = 255
_PRIVATE_SCHEME = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)+")  # a domain of the app's maker, backwards
_AUTHORITY = re.compile(r"([A-Za-z0-9.-]+|\[::1\])(:[0-9]{1,5})?")  # no escapes, no empty port
_OURS = {"code", "state", "iss", "error", "error_description"}  # what we add to the query
_PORTS = {"https": 443, "http": 80}
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def mistake_in(uri: str, proof: Proof, own_origin: str) -> str | None:
    """Why this URI cannot be registered, as a sentence; None when it can."""
    if len(uri) > LONGEST or not uri.isascii() or re.search(r'[\x00-\x20\x7f"<>\\^`{|}*]', uri):
        return f"Send at most {LONGEST} characters of an absolute URI, escaped where needed, without wildcards."
    try:
        parts = urlsplit(uri)
        place = _place(parts)
    except ValueError:
        return "That is no URI."
    if parts.fragment or "#" in uri:
        return "A redirect URI has no fragment (RFC 6749 §3.1.2)."
    if parts.username is not None or parts.password is not None:
        return "A redirect URI has no user name."
    if "?" in uri and not parts.query:
        return "Leave the ? out where no query follows."
    if _OURS & {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}:
        return f"The query may not have what the answer adds to it: {', '.join(sorted(_OURS))}."
    if place == _place(urlsplit(own_origin)):
        return "That is an address of the city's own login."
    named = _AUTHORITY.fullmatch(parts.netloc) is not None
    if parts.scheme == "https" and named:
        return None
    if parts.scheme == "http" and named and parts.hostname in _LOOPBACK:
        return None
    if proof is Proof.NONE and _PRIVATE_SCHEME.fullmatch(parts.scheme) and not parts.netloc:
        return None
    return "Use https; http only for loopback; a scheme of one's own (com.example.app:/…) only for apps without a key."


def mistake_in_receiver(uri: str, own_origin: str, *, allow_loopback: bool) -> str | None:
    """Why the city cannot send logout tokens to this address, as a sentence; None when it can.

    Where a name leads is looked at again each time that something is sent there.
    """
    if mistake := mistake_in(uri, Proof.PRIVATE_KEY_JWT, own_origin):
        return mistake
    parts = urlsplit(uri)
    try:
        host = endpoint(f"{parts.scheme}://{parts.netloc}", allow_loopback=allow_loopback).host
    except EndpointRefused as refused:
        return f"The city cannot send there: {refused}."
    if ":" not in host and not re.fullmatch(r"[0-9.]+", host):
        return None
    reason = refusal(host, allow_loopback=allow_loopback)
    return f"The city cannot send there: {reason}." if reason else None


def _place(parts: SplitResult) -> tuple[str, str, int | None]:
    """What makes an origin (RFC 6454 §4); a host is the same with a final dot."""
    return parts.scheme, (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(parts.scheme)

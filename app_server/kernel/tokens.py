"""Signed tokens (RFC 7519), checked strictly.

One wrapper around PyJWT, which by itself does not look at `typ`, takes lax base64url, duplicate members, string times.
"""

import base64
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, Generic, NewType, TypeGuard, TypeVar

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import get_default_algorithms

from app_server.kernel.crypto import KeyRing
from app_server.kernel.jwks import OutsideKey, PublicKey, public_key

MAX_BYTES = 8192
LEEWAY = 5  # seconds that two clocks may differ
CACHED = 10_000  # verified tokens that a process remembers

VerifiedClaims = NewType("VerifiedClaims", dict[str, Any])
PrivateKey = EllipticCurvePrivateKey | Ed25519PrivateKey
Meaning = TypeVar("Meaning")


class TokenRefused(Exception):
    """The token is not good; the text says why, for logs and for the client's developer, never for the resident."""


class KeyUnknown(TokenRefused):
    """No key has the token's kid. Its signer may have a new one since the keys were read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What a token must be: its `typ`, issuer, audience (or one of its other names), and the claims it must carry.

    With `audience=None` it may be for anybody, which the caller then looks at; with `may_be_old` it may have expired;
    with `may_lack_typ` there may be no `typ`, but no other.
    """

    typ: str | None
    issuer: str
    audience: str | None
    audience_also: tuple[str, ...] = ()
    required: tuple[str, ...] = ("iss", "aud", "exp", "iat")
    may_be_old: bool = False
    may_lack_typ: bool = False


def sign(claims: Mapping[str, Any], *, typ: str, keys: KeyRing) -> str:
    """A compact token signed with the city's current ES256 key."""
    key = keys.signing_key
    signed = b"%b.%b" % (_written_header(typ, key.kid), _b64(orjson.dumps(claims)))
    signature = _b64(_CHECKERS["ES256"].sign(signed, key.private))
    return f"{signed.decode()}.{signature.decode()}"


def is_private_key(key: object) -> TypeGuard[PrivateKey]:
    """Whether one can sign with it here: P-256 or Ed25519."""
    return isinstance(key, Ed25519PrivateKey) or (
        isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1)
    )


def sign_with(key: PrivateKey, claims: Mapping[str, Any], *, kid: str | None) -> str:
    """A compact token signed with a key that is not the ring's, for somebody outside who knows it, by `kid` if any."""
    algorithm = "EdDSA" if isinstance(key, Ed25519PrivateKey) else "ES256"
    header = {"alg": algorithm, "typ": "JWT"} | ({"kid": kid} if kid else {})
    signed = b"%b.%b" % (_b64(orjson.dumps(header)), _b64(orjson.dumps(claims)))
    return f"{signed.decode()}.{_b64(_CHECKERS[algorithm].sign(signed, key)).decode()}"


def verify(token: str, expected: Expectation, public_keys: Mapping[str, OutsideKey], now: datetime) -> VerifiedClaims:
    """The claims of a token that is exactly what was expected. Raises `TokenRefused`.

    The algorithm follows from the key (RFC 8725 §3.1): ES256 for P-256; EdDSA for Ed25519, or by its own name;
    RS256 for RSA, which only outside providers have.
    """
    header, claims, signed, signature = _decode(token)
    if set(header) - {"alg", "typ", "kid"}:
        raise TokenRefused("the header may have alg, typ and kid, and nothing else")
    lacks_typ = expected.may_lack_typ and "typ" not in header
    if expected.typ is not None and header.get("typ") != expected.typ and not lacks_typ:
        raise TokenRefused(f"typ must be {expected.typ}")
    kid = header.get("kid")
    key = public_keys.get(kid) if isinstance(kid, str) else None
    if key is None:
        raise KeyUnknown("kid names no key that is known")
    algorithm = _algorithm(key)
    if header.get("alg") not in _NAMES[algorithm]:
        raise TokenRefused(f"alg must be {algorithm} for this key")
    if not _holds(algorithm, key, signed, signature):
        raise TokenRefused("the signature does not match")
    _check_claims(claims, expected, now.timestamp())
    return VerifiedClaims(claims)


def verify_held(token: str, *, typ: str) -> tuple[VerifiedClaims, str]:
    """The claims of a token that brings its own public key (RFC 7515 §4.1.3), and the key's thumbprint (RFC 7638).

    What the claims must be is for the caller to check. Raises `TokenRefused`.
    """
    header, claims, signed, signature = _decode(token)
    if set(header) != {"alg", "typ", "jwk"}:
        raise TokenRefused("the header must have alg, typ and jwk, and nothing else")
    if header["typ"] != typ:
        raise TokenRefused(f"typ must be {typ}")
    key, thumbprint = _held_key(header["jwk"])
    algorithm = _algorithm(key)
    if header["alg"] not in _NAMES[algorithm]:
        raise TokenRefused(f"alg must be {algorithm} for this key")
    if not _holds(algorithm, key, signed, signature):
        raise TokenRefused("the signature does not match")
    return VerifiedClaims(claims), thumbprint


def _held_key(jwk: Any) -> tuple[PublicKey, str]:
    members = jwk if isinstance(jwk, dict) else {}
    parts = _KEY_PARTS.get(str(members.get("kty")), ())
    if not parts or not set(parts) <= set(members) <= {*parts, "kid", "use", "alg"}:
        raise TokenRefused("jwk must be a public key: kty, crv, x, and y of P-256; no private or other member")
    if any(not isinstance(members[part], str) for part in parts):
        raise TokenRefused("the members of jwk must be texts")
    if any(len(_canonical(members[part].encode())) != 32 for part in parts if part in ("x", "y")):
        raise TokenRefused("x and y of jwk must be 32 bytes")
    try:
        key = public_key(members)
    except ValueError:
        raise TokenRefused("jwk is no key of P-256 or Ed25519") from None
    said = json.dumps({part: members[part] for part in sorted(parts)}, separators=(",", ":"))
    return key, _b64(sha256(said.encode()).digest()).decode()


def unverified_subject(token: str) -> str:
    """Who the token claims to be about, only to find the keys that it must be checked with. Raises `TokenRefused`."""
    return str(_decode(token)[1].get("sub", ""))


class TokenVerifier(Generic[Meaning]):
    """Checks the city's own tokens of one kind and remembers what those it has checked mean, until they expire."""

    def __init__(self, expected: Expectation, keys: KeyRing, meaning: Callable[[VerifiedClaims], Meaning]) -> None:
        self._expected = expected
        self._meaning = meaning
        self._keys = keys
        self._public_keys = keys.public_keys
        self._verified: OrderedDict[bytes, tuple[int, Meaning]] = OrderedDict()

    def verify(self, token: str, now: datetime) -> Meaning:
        """What the token means; raises as `verify`. Whether it was revoked is for the caller to check."""
        if self._public_keys is not self._keys.public_keys:
            self._follow()
        fingerprint = sha256(token.encode()).digest()
        seen = self._verified.get(fingerprint)
        if seen is not None:
            if seen[0] + LEEWAY > now.timestamp():
                return seen[1]
            del self._verified[fingerprint]
            raise TokenRefused("expired")
        claims = verify(token, self._expected, self._public_keys, now)
        meaning = self._meaning(claims)
        self._verified[fingerprint] = claims["exp"], meaning
        if len(self._verified) > CACHED:
            self._verified.popitem(last=False)
        return meaning

    def _follow(self) -> None:
        """The ring has changed. What a key signed that is no longer published is not to be remembered as good."""
        if self._public_keys.keys() - self._keys.public_keys.keys():
            self._verified.clear()
        self._public_keys = self._keys.public_keys


def _check_claims(claims: dict[str, Any], expected: Expectation, now: float) -> None:
    for name in expected.required:
        if name not in claims:
            raise TokenRefused(f"{name} is missing")
    for name in ("exp", "iat", "nbf"):
        if name in claims and type(claims[name]) is not int:
            raise TokenRefused(f"{name} must be an integer")
    if claims["iss"] != expected.issuer:
        raise TokenRefused("iss is another")
    audience = claims["aud"]
    if expected.audience is not None and audience != expected.audience:
        named = audience if isinstance(audience, list) else [audience]
        if expected.audience not in named and not any(name in named for name in expected.audience_also):
            raise TokenRefused("aud is another")
    if claims["exp"] + LEEWAY <= now and not expected.may_be_old:
        raise TokenRefused("expired")
    if claims["iat"] - LEEWAY > now or claims.get("nbf", 0) - LEEWAY > now:
        raise TokenRefused("issued in the future; check the clock")


def _algorithm(key: OutsideKey) -> str:
    return "EdDSA" if isinstance(key, Ed25519PublicKey) else "RS256" if isinstance(key, RSAPublicKey) else "ES256"


def _holds(algorithm: str, key: OutsideKey, signed: bytes, signature: bytes) -> bool:
    # Not jwt.api_jws.decode: it would take the token apart a second time, which costs as much as the signature.
    checker = _CHECKERS[algorithm]
    try:
        return checker.verify(signed, checker.prepare_key(key), signature)
    except jwt.InvalidKeyError:  # of another curve
        return False


def _decode(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    """Header, claims, what was signed, and the signature."""
    if len(token) > MAX_BYTES or not token.isascii():
        raise TokenRefused("too large, or not a token")
    encoded = token.encode()
    parts = encoded.split(b".")
    if len(parts) != 3:
        raise TokenRefused("not a compact token of three parts")
    return _header(parts[0]), _object(_canonical(parts[1])), encoded[: encoded.rindex(b".")], _canonical(parts[2])


@lru_cache(maxsize=64)  # a signer writes the same header into every token
def _header(part: bytes) -> dict[str, Any]:
    return _object(_canonical(part))


def _canonical(part: bytes) -> bytes:
    """The bytes behind base64url text that has no other spelling (RFC 7515 §2)."""
    try:
        raw = base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    except ValueError:
        raise TokenRefused("not base64url") from None
    if _b64(raw) != part:
        raise TokenRefused("base64url is not canonical")
    return raw


def _object(raw: bytes) -> dict[str, Any]:
    try:
        document = _READER.decode(raw.decode())
    except (ValueError, RecursionError):
        raise TokenRefused("not JSON, or a member stands twice") from None
    if not isinstance(document, dict):
        raise TokenRefused("not a JSON object")
    return document


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("duplicate member")
    return document


@lru_cache(maxsize=64)
def _written_header(typ: str, kid: str) -> bytes:
    return _b64(orjson.dumps({"alg": "ES256", "typ": typ, "kid": kid}))


def _b64(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


_READER = json.JSONDecoder(object_pairs_hook=_no_duplicates)
# RFC 9864 §2.2 gave the curve a name of its own.
_NAMES = {"ES256": ("ES256",), "RS256": ("RS256",), "EdDSA": ("EdDSA", "Ed25519")}
_KEY_PARTS = {"EC": ("kty", "crv", "x", "y"), "OKP": ("kty", "crv", "x")}
_CHECKERS = {name: algorithm for name, algorithm in get_default_algorithms().items() if name in _NAMES}

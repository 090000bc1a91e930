"""The little of JOSE that a mini-app needs: its client assertions and the platform's ID tokens (RFC 7515, 7519)."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey
PublicKey = Ed25519PublicKey | ec.EllipticCurvePublicKey

LONGEST_TOKEN = 8192
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_ES256 = ec.ECDSA(SHA256())


class TokenRefused(Exception):
    """The token does not hold. The message says why and never repeats the token."""


def encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """The bytes of canonical base64url; raises ValueError for any other spelling of them."""
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode(data) != text:
        raise ValueError("not canonical base64url")
    return data


def sign(key: PrivateKey, keyid: str, claims: Mapping[str, object]) -> str:
    """A compact JWS; EdDSA or ES256 according to the key."""
    header = {"alg": algorithm(key.public_key()), "kid": keyid, "typ": "JWT"}
    signed = f"{encode(json.dumps(header).encode())}.{encode(json.dumps(claims).encode())}"
    if isinstance(key, Ed25519PrivateKey):
        signature = key.sign(signed.encode("ascii"))
    else:
        r, s = decode_dss_signature(key.sign(signed.encode("ascii"), _ES256))
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return f"{signed}.{encode(signature)}"


def verify(
    token: str, keys: Callable[[str], PublicKey | None], *, issuer: str, audience: str, now: int, leeway: int = 30
) -> dict[str, Any]:
    """The claims of a token that is signed, meant for `audience`, and valid now; raises TokenRefused."""
    if len(token) > LONGEST_TOKEN or not _COMPACT.fullmatch(token):
        raise TokenRefused("it is not a compact token")
    head, payload, tail = token.split(".")
    try:
        header, claims, signature = _object(decode(head)), _object(decode(payload)), decode(tail)
    except ValueError:
        raise TokenRefused("it cannot be read") from None
    key = keys(str(header.get("kid", "")))
    if key is None:
        raise TokenRefused("its key is unknown")
    if header.get("alg") != algorithm(key) or "crit" in header:
        raise TokenRefused("its algorithm is not the key's")
    if not _holds(key, signature, f"{head}.{payload}".encode("ascii")):
        raise TokenRefused("its signature does not hold")
    expires = claims.get("exp")
    if claims.get("iss") != issuer:
        raise TokenRefused("another issuer made it")
    if audience not in (claims["aud"] if isinstance(claims.get("aud"), list) else [claims.get("aud")]):
        raise TokenRefused("it is meant for someone else")
    if type(expires) is not int or expires + leeway < now:
        raise TokenRefused("it has expired")
    return claims


def algorithm(key: PublicKey) -> str:
    return "EdDSA" if isinstance(key, Ed25519PublicKey) else "ES256"


def _holds(key: PublicKey, signature: bytes, signed: bytes) -> bool:
    if len(signature) != 64:
        return False
    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(signature, signed)
        else:
            r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
            key.verify(encode_dss_signature(r, s), signed, _ES256)
    except InvalidSignature:
        return False
    return True


def _object(data: bytes) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) != len(pairs):
            raise ValueError("a member is there twice")
        return members

    value = json.loads(data, object_pairs_hook=once)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def public_key(jwk: Mapping[str, Any]) -> PublicKey | None:
    """The key of a JWK (RFC 7517, 8037), or None when it is of a kind this protocol does not use."""
    try:
        if (jwk.get("kty"), jwk.get("crv")) == ("OKP", "Ed25519"):
            return Ed25519PublicKey.from_public_bytes(decode(jwk["x"]))
        if (jwk.get("kty"), jwk.get("crv")) == ("EC", "P-256"):
            x, y = int.from_bytes(decode(jwk["x"]), "big"), int.from_bytes(decode(jwk["y"]), "big")
            return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    except (KeyError, TypeError, ValueError):
        return None
    return None


def public_jwk(key: PublicKey, keyid: str) -> dict[str, str]:
    if isinstance(key, Ed25519PublicKey):
        x = encode(key.public_bytes_raw())
        return {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": keyid, "x": x}
    numbers = key.public_numbers()
    x, y = encode(numbers.x.to_bytes(32, "big")), encode(numbers.y.to_bytes(32, "big"))
    return {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": keyid, "x": x, "y": y}

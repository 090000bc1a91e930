"""Other people's public keys, as they give them (JWK, RFC 7517): Ed25519 or P-256; of outside providers also RSA."""

from base64 import urlsafe_b64decode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from app_server.kernel.logs import logger

PublicKey = EllipticCurvePublicKey | Ed25519PublicKey
OutsideKey = PublicKey | RSAPublicKey  # RSA for outside providers alone: many have nothing else
RSA_BITS = range(2048, 4097)  # shorter ones are weak (RFC 7518 §3.3), longer ones cost too much

log = logger(__name__)


def public_key(jwk: Mapping[str, Any]) -> PublicKey:
    """The key of a JWK. Raises ValueError, KeyError."""
    if "d" in jwk:
        raise ValueError("a private key")
    match jwk.get("kty"), jwk.get("crv"):
        case "OKP", "Ed25519":
            return Ed25519PublicKey.from_public_bytes(_bytes(jwk, "x"))
        case "EC", "P-256":
            x, y = (int.from_bytes(_bytes(jwk, name)) for name in ("x", "y"))
            return EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key()
    raise ValueError("a kind of key that is not used here")


def outside_keys(jwks: Iterable[Any]) -> dict[str, OutsideKey]:
    """The signing keys of an outside provider by kid; what is of another kind or use is passed over (RFC 7517 §5)."""
    found: dict[str, OutsideKey] = {}
    for jwk in jwks:
        if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str) or jwk.get("use", "sig") != "sig":
            continue
        try:
            found[jwk["kid"]] = _rsa_key(jwk) if jwk.get("kty") == "RSA" else public_key(jwk)
        except (ValueError, KeyError):
            continue
    return found


def _rsa_key(jwk: Mapping[str, Any]) -> RSAPublicKey:
    n, e = (int.from_bytes(_bytes(jwk, name)) for name in ("n", "e"))
    if "d" in jwk or jwk.get("alg", "RS256") != "RS256" or n.bit_length() not in RSA_BITS or e != 65537:
        raise ValueError("an RSA key that is not used here")
    return RSAPublicNumbers(e, n).public_key()


def mistake_in(jwks: Sequence[Mapping[str, Any]]) -> str | None:
    """Why these keys cannot be taken, as a sentence; None when they can."""
    kids = [jwk.get("kid") for jwk in jwks]
    if not kids or not all(isinstance(kid, str) and kid for kid in kids) or len(set(kids)) != len(kids):
        return "Each public key needs a kid of its own, and there is at least one key."
    for jwk in jwks:
        try:
            public_key(jwk)
        except (ValueError, KeyError) as error:
            return f"A public key cannot be used: {error}."
    return None


def readable(owner: str, jwks: Iterable[Mapping[str, Any]]) -> dict[str, PublicKey]:
    """The keys by kid. They were checked when they came; one that does not read is left out, and the others hold."""
    found = {}
    for jwk in jwks:
        try:
            found[str(jwk["kid"])] = public_key(jwk)
        except (ValueError, KeyError) as error:
            log.error("public_key_unreadable", owner=owner, reason=str(error))
    return found


def _bytes(jwk: Mapping[str, Any], name: str) -> bytes:
    text = jwk[name]
    if not isinstance(text, str):
        raise ValueError(f"{name} is not text")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))

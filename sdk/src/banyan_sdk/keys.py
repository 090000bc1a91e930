"""The one secret a mini-app has: its private key. Everything else it must keep to itself is derived from that."""

import hashlib
import json
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hmac
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from banyan_sdk import jose
from banyan_sdk.protocol import CLIENT_ASSERTION_LIFETIME


class KeyUnusable(Exception):
    """The key file cannot be used; the message says what to do."""


class AppKey:
    """A mini-app's private key, with all that is derived from it.

    Two processes with the same key understand each other's sessions and launches: nothing is stored anywhere. That a
    session is over because of a withdrawal stands in the mini-app's file, which they have to share.
    """

    def __init__(self, key: jose.PrivateKey, keyid: str) -> None:
        self._key = key
        self.keyid = keyid
        if isinstance(key, Ed25519PrivateKey):
            secret = key.private_bytes_raw()
        else:
            secret = key.private_numbers().private_value.to_bytes(32, "big")
        self._launch_secret = _derive(secret, b"banyan/launch/1")
        self._sessions = AESGCM(_derive(secret, b"banyan/session/1"))

    @classmethod
    def generate(cls) -> "AppKey":
        key = Ed25519PrivateKey.generate()
        return cls(key, _thumbprint(key))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "AppKey":
        """The key of a private JWK file (Ed25519 or P-256); raises KeyUnusable."""
        try:
            jwk = json.loads(Path(path).read_bytes())
            return cls.from_jwk(jwk)
        except OSError as missing:
            raise KeyUnusable(f"The key file {path} cannot be read ({missing.strerror}).") from missing
        except (ValueError, KeyError, TypeError) as broken:
            raise KeyUnusable(f"{path} is not a private JWK of kind Ed25519 or P-256.") from broken

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> "AppKey":
        secret = jose.decode(jwk["d"])
        key: jose.PrivateKey
        if jwk.get("crv") == "Ed25519":
            key = Ed25519PrivateKey.from_private_bytes(secret)
        elif jwk.get("crv") == "P-256":
            key = ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1())
        else:
            raise ValueError("only Ed25519 and P-256 keys are used")
        return cls(key, str(jwk.get("kid") or _thumbprint(key)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the private JWK to a new file that only its owner can read."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(self.private_jwk(), file)

    def private_jwk(self) -> dict[str, str]:
        if isinstance(self._key, Ed25519PrivateKey):
            secret = self._key.private_bytes_raw()
        else:
            secret = self._key.private_numbers().private_value.to_bytes(32, "big")
        return self.public_jwk() | {"d": jose.encode(secret)}

    def public_jwk(self) -> dict[str, str]:
        """What the manifest and the registry may know."""
        return jose.public_jwk(self._key.public_key(), self.keyid)

    def client_assertion(self, app_id: str, audience: str) -> str:
        """Who we are, for the token endpoint (private_key_jwt, OpenID Connect Core §9). Good once, for a minute."""
        now = int(time.time())
        claims = {
            "iss": app_id,
            "sub": app_id,
            "aud": audience,
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + CLIENT_ASSERTION_LIFETIME - 5,
        }
        return jose.sign(self._key, self.keyid, claims)

    def code_verifier(self, launch_id: UUID) -> str:
        """The PKCE verifier of a launch: the same on every process and after every restart, secret to all others."""
        mac = hmac.HMAC(self._launch_secret, SHA256())
        mac.update(launch_id.bytes)
        return jose.encode(mac.finalize())

    def seal_session(self, content: Mapping[str, object]) -> str:
        nonce = os.urandom(12)
        return jose.encode(nonce + self._sessions.encrypt(nonce, json.dumps(content).encode(), None))

    def open_session(self, session: str) -> dict[str, Any] | None:
        """What was sealed, or None for anything that this key did not seal."""
        try:
            sealed = jose.decode(session)
            content: dict[str, Any] = json.loads(self._sessions.decrypt(sealed[:12], sealed[12:], None))
        except (InvalidTag, ValueError):
            return None
        return content


def _derive(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(secret)


def _thumbprint(key: jose.PrivateKey) -> str:
    """RFC 7638: the required members, sorted, without white space."""
    jwk = jose.public_jwk(key.public_key(), "")
    required = {name: jwk[name] for name in ("crv", "kty", "x", "y") if name in jwk}
    return jose.encode(hashlib.sha256(json.dumps(required, sort_keys=True, separators=(",", ":")).encode()).digest())

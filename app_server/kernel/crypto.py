"""Personal data at rest: sealed per field (AES-256-GCM), found by a keyed blind index, keys in a ring that rotates.

A sealed value is `key id (4 bytes) ‖ nonce (12) ‖ ciphertext and tag`; the field's name is authenticated with it, so a
value moved to another column does not open.
"""

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SIGNING_OVERLAP = timedelta(hours=72)  # a retired signing key stays published for longer than any token lives


class KeyFileError(Exception):
    """The key file is missing, unreadable or open to others; the message says what to do."""


class SealBroken(Exception):
    """A sealed value does not open: wrong field, altered, or sealed by a key that is not in the ring."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A key of the city and the id it is published under."""

    kid: str
    private: EllipticCurvePrivateKey | Ed25519PrivateKey
    created_at: datetime
    retired_at: datetime | None


class KeyRing:
    """The keys of one city. Read-only; `rotate_*` return the text of a new key file."""

    def __init__(self, document: dict[str, object]) -> None:
        self._document = document
        self._sealing = {_key_id(raw): AESGCM(raw) for raw in map(_unb64, _texts(document, "sealing"))}
        self._current = _key_id(_unb64(_texts(document, "sealing")[0]))
        self._index = _unb64(str(document["index"]))
        self._pairwise = _unb64(str(document["pairwise"]))
        self._signing = [_signing_key(entry) for entry in _entries(document, "signing")]
        gateway = _signing_key(_entries(document, "gateway")[0])
        if not isinstance(gateway.private, Ed25519PrivateKey):
            raise KeyFileError("The gateway key in the key file is not Ed25519; restore the file from its backup.")
        self.gateway_kid, self.gateway_key = gateway.kid, gateway.private

    @classmethod
    def load(cls, path: Path) -> "KeyRing":
        """Read the key file. Raises `KeyFileError` when it is missing, open to other users, or not a key file."""
        try:
            mode = path.stat().st_mode & 0o777
            text = path.read_text()
        except FileNotFoundError:
            raise KeyFileError(f"There is no key file at {path}. Run `banyan migrate` to create it.") from None
        except PermissionError:
            raise KeyFileError(f"This user cannot read the key file {path}. Give it to the service user.") from None
        if mode & 0o077:
            raise KeyFileError(f"The key file {path} is open to other users. Run `chmod 600 {path}`.")
        try:
            return cls(json.loads(text))
        except (ValueError, KeyError, TypeError):
            raise KeyFileError(f"{path} is not a Banyan key file; restore it from its backup.") from None

    @staticmethod
    def create(path: Path, now: datetime) -> bool:
        """Write a new key file with mode 600 unless there is one; tell whether it was written."""
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return False
        document = {
            "sealing": [_b64(os.urandom(32))],
            "index": _b64(os.urandom(32)),
            "pairwise": _b64(os.urandom(32)),
            "signing": [_new_signing_entry(now)],
            "gateway": [_new_gateway_entry(now)],
        }
        with os.fdopen(handle, "w") as file:
            file.write(json.dumps(document, indent=1))
        return True

    def rotated(self, now: datetime) -> str:
        """The key file with a new sealing key and a new signing key in front; old ones stay for what they made.

        Retired signing keys leave the ring `SIGNING_OVERLAP` after their retirement; sealing keys never do.
        """
        signing = [
            {**entry, "retired_at": entry.get("retired_at") or now.isoformat()}
            for entry in _entries(self._document, "signing")
        ]
        kept = [entry for entry in signing if now - datetime.fromisoformat(str(entry["retired_at"])) < SIGNING_OVERLAP]
        document = {
            **self._document,
            "sealing": [_b64(os.urandom(32)), *_texts(self._document, "sealing")],
            "signing": [_new_signing_entry(now), *kept],
        }
        return json.dumps(document, indent=1)

    def seal(self, field: str, text: str) -> bytes:
        """Encrypt `text` for the column named `field` (`table.column`)."""
        nonce = os.urandom(12)
        return self._current + nonce + self._sealing[self._current].encrypt(nonce, text.encode(), field.encode())

    def open(self, field: str, sealed: bytes) -> str:
        """The text that `seal` was given for the same `field`. Raises `SealBroken`."""
        cipher = self._sealing.get(bytes(sealed[:4]))
        if cipher is None:
            raise SealBroken(f"a value of {field} was sealed by a key that is not in the ring")
        try:
            return cipher.decrypt(bytes(sealed[4:16]), bytes(sealed[16:]), field.encode()).decode()
        except InvalidTag:
            raise SealBroken(f"a value of {field} does not open") from None

    def blind_index(self, field: str, value: str) -> bytes:
        """32 bytes by which an equal value of `field` is found again without storing it (HMAC-SHA-256)."""
        return hmac.digest(self._index, f"{field}\0{value}".encode(), "sha256")

    def pairwise(self, sector: str, resident_id: UUID) -> str:
        """The subject that the apps of one sector know a resident by (OpenID Connect Core §8.1)."""
        return _b64(hmac.digest(self._pairwise, f"{sector}\0{resident_id}".encode(), "sha256"))

    @property
    def signing_key(self) -> SigningKey:
        """The ES256 key that signs tokens now."""
        return self._signing[0]

    @property
    def signing_keys(self) -> Sequence[SigningKey]:
        """All published ES256 keys, the current one first."""
        return self._signing

    def public_jwks(self) -> dict[str, list[dict[str, str]]]:
        """The published keys (RFC 7517): ES256 for tokens, Ed25519 for calls to mini-apps."""
        numbers = [(key.kid, key.private.public_key()) for key in self._signing]
        jwks = []
        for kid, public in numbers:
            point = public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
            jwks.append(
                {"kty": "EC", "crv": "P-256", "x": _b64(point[1:33]), "y": _b64(point[33:]), "kid": kid}
                | {"use": "sig", "alg": "ES256"}
            )
        raw = self.gateway_key.public_key().public_bytes_raw()
        jwks.append(
            {"kty": "OKP", "crv": "Ed25519", "x": _b64(raw), "kid": self.gateway_kid, "use": "sig", "alg": "EdDSA"}
        )
        return {"keys": jwks}


def token_hash(token: str) -> str:
    """How a random token is stored: SHA-256, in hex. Enough, since the token itself has 256 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()


def _key_id(raw: bytes) -> bytes:
    return hashlib.sha256(b"banyan key id" + raw).digest()[:4]


def _new_signing_entry(now: datetime) -> dict[str, str]:
    return _entry(generate_private_key(SECP256R1()), now)


def _new_gateway_entry(now: datetime) -> dict[str, str]:
    return _entry(Ed25519PrivateKey.generate(), now)


def _entry(key: EllipticCurvePrivateKey | Ed25519PrivateKey, now: datetime) -> dict[str, str]:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return {"kid": _b64(hashlib.sha256(public).digest()[:9]), "created_at": now.isoformat(), "pem": pem}


def _signing_key(entry: dict[str, str]) -> SigningKey:
    private = serialization.load_pem_private_key(entry["pem"].encode(), None)
    if not isinstance(private, EllipticCurvePrivateKey | Ed25519PrivateKey):
        raise KeyFileError("The key file holds a key of a kind that Banyan does not use; restore it from its backup.")
    retired = entry.get("retired_at")
    return SigningKey(
        kid=entry["kid"],
        private=private,
        created_at=datetime.fromisoformat(entry["created_at"]).astimezone(UTC),
        retired_at=datetime.fromisoformat(retired).astimezone(UTC) if retired else None,
    )


def _texts(document: dict[str, object], name: str) -> list[str]:
    values = document[name]
    if not isinstance(values, list) or not values:
        raise KeyError(name)
    return [str(value) for value in values]


def _entries(document: dict[str, object], name: str) -> list[dict[str, str]]:
    values = document[name]
    if not isinstance(values, list) or not values:
        raise KeyError(name)
    return [dict(value) for value in values]


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

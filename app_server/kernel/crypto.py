"""Personal data at rest: sealed per field (AES-256-GCM), found by a keyed blind index, keys in a ring that rotates.

A sealed value is `key id (4 bytes) ‖ nonce (12) ‖ ciphertext and tag`; the field's name is authenticated with it, so a
value moved to another column does not open.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app_server.kernel.clock import Clock, system_clock
from app_server.kernel.key_file import KeyFile, KeyFileError, SigningKey
from app_server.kernel.key_times import in_use, published


class SealBroken(Exception):
    """A sealed value does not open: wrong field, altered, or sealed by a key that is not in the ring."""


class KeyRing:
    """The keys of one city, as its file has them. One object for the life of a process, which `refresh` brings up to
    date: hold the ring, never a signing or sealing key of it.
    """

    public_keys: Mapping[str, EllipticCurvePublicKey] = {}
    """What tokens of ours are verified with, by id; the same object until a key comes or goes."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock
        self._read_as = _seen_as(path)
        self._take(KeyFile.read(path))

    @classmethod
    def load(cls, path: Path, clock: Clock = system_clock) -> "KeyRing":
        """Read the key file. Raises `KeyFileError` when it is missing, open to other users, or not a key file."""
        return cls(path, clock)

    @staticmethod
    def create(path: Path, now: datetime) -> bool:
        """Write a new key file with mode 600 unless there is one; tell whether it was written."""
        return KeyFile.new(now).create(path)

    def refresh(self) -> bool:
        """Read the file again if it has changed, and give way to keys whose time has come; whether it was read.

        Raises `KeyFileError`, and goes on with what it has, when the file is none, or cannot be the next one of this
        city: the keys that do not rotate are others, the one that seals now is missing, or the one that signs now is,
        and no newer one is in use. Costs a `stat` otherwise.
        """
        try:
            seen_as = _seen_as(self._path)
            if seen_as is not None and seen_as == self._read_as:
                return False
            file = KeyFile.read(self._path)
            if not self._precedes(file):
                raise KeyFileError(
                    f"{self._path} holds the keys of another city, or older ones. Put the right one there."
                )
            self._read_as = seen_as
            self._take(file)
            return True
        finally:
            self._choose()

    def _precedes(self, file: KeyFile) -> bool:
        for_good = [
            (each.index, each.pairwise, each.gateway_kid, each.gateway.private_bytes_raw())
            for each in (self._file, file)
        ]
        signs = self._signing.kid in {key.kid for key in file.signing} or (
            in_use(file.signing, self._clock()).used_from > self._signing.used_from
        )
        return for_good[0] == for_good[1] and self._sealer[0] in {key.id for key in file.sealing} and signs

    def _take(self, file: KeyFile) -> None:
        self._file = file
        self._ciphers = {key.id: AESGCM(key.raw) for key in file.sealing}
        self._choose()

    def _choose(self) -> None:
        now = self._clock()
        sealing = in_use(self._file.sealing, now)
        self._sealer = sealing.id, self._ciphers[sealing.id]
        self._older = {key.id for key in self._file.sealing[self._file.sealing.index(sealing) + 1 :]}
        self._signing = in_use(self._file.signing, now)
        self._published = published(self._file.signing, now)
        if [key.kid for key in self._published] != list(self.public_keys):
            self.public_keys = {key.kid: key.private.public_key() for key in self._published}

    def seal(self, field: str, text: str) -> bytes:
        """Encrypt `text` for the column named `field` (`table.column`)."""
        nonce = os.urandom(12)
        key_id, cipher = self._sealer
        return key_id + nonce + cipher.encrypt(nonce, text.encode(), field.encode())

    def open(self, field: str, sealed: bytes) -> str:
        """The text that `seal` was given for the same `field`. Raises `SealBroken`."""
        cipher = self._ciphers.get(bytes(sealed[:4]))
        if cipher is None:
            raise SealBroken(f"a value of {field} was sealed by a key that is not in the ring")
        try:
            return cipher.decrypt(bytes(sealed[4:16]), bytes(sealed[16:]), field.encode()).decode()
        except InvalidTag:
            raise SealBroken(f"a value of {field} does not open") from None

    def sealed_anew(self, field: str, sealed: bytes) -> bytes | None:
        """The value under the key that seals now; None if no older one has sealed it. Raises `SealBroken`."""
        return self.seal(field, self.open(field, sealed)) if bytes(sealed[:4]) in self._older else None

    def blind_index(self, field: str, value: str) -> bytes:
        """32 bytes by which an equal value of `field` is found again without storing it (HMAC-SHA-256)."""
        return hmac.digest(self._file.index, f"{field}\0{value}".encode(), "sha256")

    def pairwise(self, sector: str, resident_id: UUID) -> str:
        """The subject that the apps of one sector know a resident by (OpenID Connect Core §8.1)."""
        return _b64(hmac.digest(self._file.pairwise, f"{sector}\0{resident_id}".encode(), "sha256"))

    @property
    def gateway_key(self) -> Ed25519PrivateKey:
        """What signs calls to mini-apps. It does not rotate, so it may be held."""
        return self._file.gateway

    @property
    def gateway_kid(self) -> str:
        """The id that the gateway's key is published under."""
        return self._file.gateway_kid

    @property
    def signing_key(self) -> SigningKey:
        """The ES256 key that signs tokens now."""
        return self._signing

    @property
    def signing_keys(self) -> Sequence[SigningKey]:
        """All published ES256 keys, newest first: those to come, the one that signs, those that did."""
        return self._published

    @property
    def hint_keys(self) -> Mapping[str, EllipticCurvePublicKey]:
        """What an ID token is verified with that comes back as a hint: also keys that are published no more."""
        return {key.kid: key.private.public_key() for key in self._file.signing}

    def public_jwks(self) -> dict[str, list[dict[str, str]]]:
        """The published keys (RFC 7517): ES256 for tokens, Ed25519 for calls to mini-apps."""
        jwks = []
        for kid, public in self.public_keys.items():
            point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
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


def _seen_as(path: Path) -> tuple[int, ...] | None:
    """What tells a file that was written, replaced or given other rights from the one before; None if none is seen."""
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

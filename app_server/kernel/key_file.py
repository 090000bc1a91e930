"""The key file: JSON of mode 600 with every secret of a city. It is only ever replaced as a whole."""

import base64
import hashlib
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app_server.kernel.key_times import kept

ALWAYS = datetime.min.replace(tzinfo=UTC)  # since when keys are used that a file has without a time


class KeyFileError(Exception):
    """The key file is missing, unreadable, wrong or open to others; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A P-256 key of the city and the id it is published under."""

    kid: str
    private: EllipticCurvePrivateKey
    created_at: datetime
    used_from: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SealingKey:
    """32 bytes for AES-256-GCM, and the four bytes that name them in front of each value; `raw` is never shown."""

    id: bytes
    raw: bytes
    used_from: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """What a key file says; `signing` and `sealing` stand newest first."""

    document: dict[str, Any]
    signing: list[SigningKey]
    sealing: list[SealingKey]
    index: bytes
    pairwise: bytes
    gateway_kid: str
    gateway: Ed25519PrivateKey

    @classmethod
    def read(cls, path: Path) -> "KeyFile":
        """Read it. Raises `KeyFileError` when it is missing, open to other users, or not a key file."""
        try:
            mode = path.stat().st_mode & 0o777
            text = path.read_bytes()
        except FileNotFoundError:
            raise KeyFileError(
                f"There is no key file at {path}. Restore it; in a new city, `banyan migrate` makes one."
            ) from None
        except OSError as error:
            raise KeyFileError(
                f"This user cannot read the key file {path} ({error.strerror}). Give it to the service user."
            ) from None
        if mode & 0o077:
            raise KeyFileError(f"The key file {path} is open to other users. Run `chmod 600 {path}`.")
        try:
            return cls.of(json.loads(text))
        except Exception:  # whatever there is in it: no part of it may be repeated
            raise KeyFileError(f"{path} is not a Banyan key file. Restore it from its backup.") from None

    @classmethod
    def of(cls, document: dict[str, Any]) -> "KeyFile":
        """The file with this content; raises whatever its faults lead to."""
        gateway = _private(document["gateway"][0])
        if not isinstance(gateway, Ed25519PrivateKey):
            raise TypeError("the gateway signs with Ed25519")
        signing = sorted(map(_signing_key, document["signing"]), key=_used_from, reverse=True)
        sealing = sorted(map(_sealing_key, document["sealing"]), key=_used_from, reverse=True)
        if not signing or not sealing:
            raise ValueError("nothing signs, or nothing seals")
        return cls(
            document=document,
            signing=signing,
            sealing=sealing,
            index=_unb64(document["index"]),
            pairwise=_unb64(document["pairwise"]),
            gateway_kid=str(document["gateway"][0]["kid"]),
            gateway=gateway,
        )

    @classmethod
    def new(cls, now: datetime) -> "KeyFile":
        """The keys of a new city, in use at once."""
        document = {
            "sealing": [_new_sealing_entry(now, now)],
            "index": _b64(os.urandom(32)),
            "pairwise": _b64(os.urandom(32)),
            "signing": [_new_signing_entry(now, now)],
            "gateway": [_entry(Ed25519PrivateKey.generate(), now)],
        }
        return cls.of(document)

    def rotated(self, now: datetime, lead: timedelta, *, sealing: bool) -> "KeyFile":
        """The file with a new signing key (and a new sealing key) that is used from `lead` after now.

        Signing keys that verify nothing any more are left out; sealing keys stay for what they sealed.
        """
        kids = {key.kid for key in kept(self.signing, now)}
        old = [entry for entry in self.document["signing"] if entry["kid"] in kids]
        new = {"signing": [_new_signing_entry(now, now + lead), *old]}
        if sealing:
            new["sealing"] = [_new_sealing_entry(now, now + lead), *self.document["sealing"]]
        return KeyFile.of({**self.document, **new})

    def without_sealing_key(self, key_id: bytes) -> "KeyFile":
        """The file without this key: what it sealed can never be opened again."""
        kept = [entry for entry in self.document["sealing"] if _sealing_key(entry).id != key_id]
        return KeyFile.of({**self.document, "sealing": kept})

    def create(self, path: Path) -> bool:
        """Write it where there is none yet; tell whether it was written."""
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return False
        self._write(handle)
        return True

    def replace(self, path: Path) -> None:
        """Put it in the place of the one that is there, in one step: a cut leaves the old one or the new one."""
        draft = path.with_name(f"{path.name}.new")
        draft.unlink(missing_ok=True)  # of a run that was cut
        try:
            self._write(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            owner = path.stat()
            if (owner.st_uid, owner.st_gid) != (os.getuid(), os.getgid()):
                os.chown(draft, owner.st_uid, owner.st_gid)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)  # secrets that nobody would look for
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def _write(self, handle: int) -> None:
        with os.fdopen(handle, "w") as file:
            file.write(json.dumps(self.document, indent=1))
            file.flush()
            os.fsync(file.fileno())


def _new_signing_entry(now: datetime, used_from: datetime) -> dict[str, str]:
    return {**_entry(generate_private_key(SECP256R1()), now), "used_from": used_from.isoformat()}


def _new_sealing_entry(now: datetime, used_from: datetime) -> dict[str, str]:
    return {"key": _b64(os.urandom(32)), "created_at": now.isoformat(), "used_from": used_from.isoformat()}


def _entry(key: EllipticCurvePrivateKey | Ed25519PrivateKey, now: datetime) -> dict[str, str]:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return {"kid": _b64(hashlib.sha256(public).digest()[:9]), "created_at": now.isoformat(), "pem": pem}


def _signing_key(entry: dict[str, str]) -> SigningKey:
    private = _private(entry)
    if not isinstance(private, EllipticCurvePrivateKey) or not isinstance(private.curve, SECP256R1):
        raise TypeError("tokens are signed with P-256")
    created_at = _time(entry["created_at"])
    return SigningKey(
        kid=str(entry["kid"]),
        private=private,
        created_at=created_at,
        used_from=_time(entry["used_from"]) if "used_from" in entry else created_at,
    )


def _sealing_key(entry: dict[str, str] | str) -> SealingKey:
    """Of files older than rotation by time, an entry is the key alone."""
    raw, used_from = (
        (_unb64(entry), ALWAYS) if isinstance(entry, str) else (_unb64(entry["key"]), _time(entry["used_from"]))
    )
    if len(raw) != 32:
        raise ValueError("a sealing key has 32 bytes")
    return SealingKey(id=hashlib.sha256(b"banyan key id" + raw).digest()[:4], raw=raw, used_from=used_from)


def _private(entry: dict[str, str]) -> object:
    return serialization.load_pem_private_key(entry["pem"].encode(), None)


def _used_from(key: SigningKey | SealingKey) -> datetime:
    return key.used_from


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

"""Facts of sign-in."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app_server.kernel.events import Event


@dataclass(frozen=True, kw_only=True)
class SignedInOnNewDevice(Event):
    """A resident who was here before signed in where they never had; `device` is what it calls itself, if anything."""

    session_id: UUID
    resident_id: UUID
    device: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class PasskeyAdded(Event):
    """A resident can sign in with one passkey more; `device` is where it was made."""

    passkey_id: UUID
    resident_id: UUID
    device: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class PasskeyCounterFellBack(Event):
    """A sign-in was refused: the passkey's counter did not go on from where it was, so there may be a copy of it."""

    passkey_id: UUID
    resident_id: UUID
    at: datetime


@dataclass(frozen=True, kw_only=True)
class RefreshTokenReused(Event):
    """A session was ended: a refresh token of it came again long after it was traded, so there may be a copy of it.

    `client_id` is the service whose session it was; None for the resident app.
    """

    session_id: UUID
    resident_id: UUID
    client_id: str | None
    at: datetime


@dataclass(frozen=True, kw_only=True)
class ResidentDied(Event):
    """A resident is recorded as deceased: their account is closed, and nothing goes on in their name."""

    resident_id: UUID
    at: datetime


@dataclass(frozen=True, kw_only=True)
class ResidentDeleted(Event):
    """A resident's account is deleted: every package erases what it holds of them."""

    resident_id: UUID
    at: datetime


@dataclass(frozen=True, kw_only=True)
class ServicesSignedOut(Event):
    """Sessions of clients have ended; who must hear of it stands in the notices of this occasion."""

    occasion_id: UUID


@dataclass(frozen=True, kw_only=True)
class FactorChanged(Event):
    """A resident's way to prove who they are changed; `change` is one of the names in `identity/notices.py`."""

    resident_id: UUID
    change: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class IdentityProven(Event):
    """A resident was verified, by the register or in person."""

    proof_id: UUID
    resident_id: UUID
    at: datetime


@dataclass(frozen=True, kw_only=True)
class IdentityProofRevoked(Event):
    """A verification of a resident was taken back."""

    proof_id: UUID
    resident_id: UUID
    at: datetime

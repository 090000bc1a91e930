"""Identity levels, pure: what a resident's proofs are worth together."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from uuid import UUID


class Level(IntEnum):
    """How well the city knows who somebody is."""

    PHONE = 0
    SELF_ASSERTED = 1
    REAL_NAME = 2
    IN_PERSON = 3

    @property
    def urn(self) -> str:
        """As apps read it."""
        return f"urn:banyan:ial:{int(self)}"


class Method(StrEnum):
    """How somebody was verified."""

    REGISTER = "register"
    COUNTER = "counter"
    PROVIDER = "provider"


class Evidence(StrEnum):
    """What it was seen by."""

    ID_CARD = "id_card"
    PASSPORT = "passport"
    RESIDENCE_PERMIT = "residence_permit"
    REGISTER_RECORD = "register_record"
    OUTSIDE_ACCOUNT = "outside_account"


WORTH = {Method.REGISTER: Level.REAL_NAME, Method.PROVIDER: Level.REAL_NAME, Method.COUNTER: Level.IN_PERSON}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One verification that stands: who was seen, how, by whom, when, until when it holds (None: without end)."""

    id: UUID
    method: Method
    by: str
    evidence: Evidence
    name: str
    birthdate: str | None
    verified_at: datetime
    valid_until: datetime | None

    def holds(self, now: datetime) -> bool:
        """Whether it is not too old."""
        return self.valid_until is None or self.valid_until > now

    @property
    def level(self) -> Level:
        """What it is worth."""
        return WORTH[self.method]


def best(proofs: Iterable[Proof], now: datetime) -> Proof | None:
    """The proof that counts: of the highest level the newest."""
    return max(
        (each for each in proofs if each.holds(now)), key=lambda each: (each.level, each.verified_at), default=None
    )


def level_of(proofs: Iterable[Proof], *, has_name: bool, now: datetime) -> Level:
    """The level; a name that a resident gave of herself is the first."""
    counts = best(proofs, now)
    return counts.level if counts else Level.SELF_ASSERTED if has_name else Level.PHONE

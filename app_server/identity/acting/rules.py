"""What a mandate may be, pure: its kinds, how long one lasts, and when a child comes of age."""

from datetime import date, datetime, time, timedelta, timezone
from enum import StrEnum

CITY_TIME = timezone(timedelta(hours=8))  # China has one zone and no summer time
OF_AGE = 18  # years (Civil Code of the PRC, article 17)
OFFER_LIFE = timedelta(days=7)
ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels, so no words (RFC 8628 §6.1)
CODE_LENGTH = 12  # 20 ** 12 codes: 51 bits


class Kind(StrEnum):
    """Why somebody acts for another."""

    PARENT = "parent"
    WARD = "ward"
    CAREGIVER = "caregiver"
    COUNTER = "counter"
    OFFICER = "officer"


class Reach(StrEnum):
    """How far a mandate goes: only looking, or also doing."""

    LOOK = "look"
    ACT = "act"


class Role(StrEnum):
    """What an officer is in their company."""

    REPRESENTATIVE = "representative"
    OFFICER = "officer"
    CLERK = "clerk"


class State(StrEnum):
    """Offered until both have accepted; then active; ended for good."""

    OFFERED = "offered"
    ACTIVE = "active"
    ENDED = "ended"


class Side(StrEnum):
    """Who one is in a mandate: the one acted for, or the one who acts."""

    PRINCIPAL = "principal"
    AGENT = "agent"

    @property
    def other(self) -> "Side":
        """The other side."""
        return Side.AGENT if self is Side.PRINCIPAL else Side.PRINCIPAL


BETWEEN_RESIDENTS = frozenset({Kind.CAREGIVER, Kind.COUNTER})  # the others need an officer, or a company

LONGEST = {  # from the day it begins; a parent's ends when the child comes of age
    Kind.WARD: timedelta(days=5 * 366),
    Kind.CAREGIVER: timedelta(days=3 * 366),
    Kind.COUNTER: timedelta(days=31),
    Kind.OFFICER: timedelta(days=5 * 366),
}


def begin_of(day: date) -> datetime:
    """When the day begins in the city."""
    return datetime.combine(day, time(), CITY_TIME)


def end_of(day: date) -> datetime:
    """When the day is over in the city."""
    return begin_of(day) + timedelta(days=1)


def of_age(born: date) -> datetime:
    """When somebody born that day is of age. Who was born on 29 February is so on 1 March."""
    try:
        return begin_of(born.replace(year=born.year + OF_AGE))
    except ValueError:
        return begin_of(date(born.year + OF_AGE, 3, 1))


def last_moment(kind: Kind, begins: datetime, *, of_age_at: datetime | None) -> datetime:
    """The latest end that a mandate of this kind may have."""
    if kind is Kind.PARENT:
        assert of_age_at is not None, "a parent's mandate is for a child whose birth date is known"
        return of_age_at
    return begins + LONGEST[kind]


def plain_code(text: str) -> str | None:
    """An invitation's code as it is kept, from what a person typed; None when it is none."""
    code = "".join(text.upper().replace("-", "").split())
    return code if len(code) == CODE_LENGTH and all(letter in ALPHABET for letter in code) else None


def shown_code(code: str) -> str:
    """The code as people read it: BCDF-GHJK-LMNP."""
    return "-".join(code[place : place + 4] for place in range(0, CODE_LENGTH, 4))

"""What a card's status may become, and what people see of it. Pure."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from banyan_sdk.protocol import CardStatus


class Status(StrEnum):
    """What the issuer says of a card. That its time is over is read from its `expires_at`."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKED = "revoked"


BECOMES: Mapping[Status, frozenset[Status]] = {
    Status.ACTIVE: frozenset({Status.SUSPENDED, Status.REVOKED}),
    Status.SUSPENDED: frozenset({Status.ACTIVE, Status.REVOKED}),
    Status.REVOKED: frozenset(),  # final; the card is issued again instead
}


def standing(status: Status, expires_at: datetime | None, now: datetime) -> CardStatus:
    """The status that people see. A card is good until `expires_at` and not at it."""
    if status is Status.ACTIVE and expires_at is not None and expires_at <= now:
        return CardStatus.EXPIRED
    return CardStatus(status.value)

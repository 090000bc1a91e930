"""Facts of the wallet."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app_server.kernel.events import Event


@dataclass(frozen=True, kw_only=True)
class CardIssued(Event):
    """A mini-app put a card into a resident's wallet, or made a revoked one good again."""

    card_id: UUID
    resident_id: UUID
    app_id: str
    card_type: str
    title: dict[str, str]
    at: datetime


@dataclass(frozen=True, kw_only=True)
class CardStatusChanged(Event):
    """The issuer suspended a card, revoked it, or lifted a suspension."""

    card_id: UUID
    resident_id: UUID
    app_id: str
    card_type: str
    title: dict[str, str]
    status: str
    reason: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class CardPresented(Event):
    """A reader took a card's code and was shown `fields`: their names, never their values."""

    presentation_id: UUID
    card_id: UUID
    resident_id: UUID
    app_id: str
    card_type: str
    title: dict[str, str]
    verifier_id: UUID
    verifier_name: str
    place: str
    role: str
    purpose: str
    fields: list[str]
    at: datetime

"""Facts about mandates."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app_server.kernel.events import Event


@dataclass(frozen=True, kw_only=True)
class MandateOffered(Event):
    """One side has offered a mandate, or has taken an open offer; `waits_for` is the side whose yes is missing."""

    mandate_id: UUID
    waits_for: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class MandateAccepted(Event):
    """Both sides have accepted: from its first day on the agent may act."""

    mandate_id: UUID
    at: datetime


@dataclass(frozen=True, kw_only=True)
class MandateEnded(Event):
    """It is over, or an offer was refused, taken back or left lying; `by` is principal, agent, operator or time."""

    mandate_id: UUID
    by: str
    at: datetime

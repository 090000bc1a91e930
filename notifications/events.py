"""Facts of this package."""

from dataclasses import dataclass
from uuid import UUID

from app_server.kernel.events import Event


@dataclass(frozen=True, kw_only=True)
class TextMessageFailed(Event):
    """A text message was given up; `why` is the carrier's or our own reason, never its content."""

    delivery_id: UUID
    why: str

"""Facts about consent, and about screens that were let in."""

from dataclasses import dataclass
from uuid import UUID

from app_server.kernel.events import Event


@dataclass(frozen=True, kw_only=True)
class ConsentWithdrawn(Event):
    """A resident took a scope back from a mini-app, which knows them as `sub`."""

    resident_id: UUID
    app_id: str
    sub: str
    scope: str


@dataclass(frozen=True, kw_only=True)
class ScreenAllowed(Event):
    """A resident let a screen of this client's know who they are (RFC 8628)."""

    resident_id: UUID
    client_id: str
    request_id: UUID

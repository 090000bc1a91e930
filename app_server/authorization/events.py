"""Facts about consent."""

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

"""What notices forget of a deleted account; `app_server/wiring.py` says after which fact."""

from typing import Protocol
from uuid import UUID

from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute


class Left(Protocol):
    """Who is not here any more."""

    @property
    def resident_id(self) -> UUID: ...


async def erase_inbox(event: Left, *, event_id: UUID, state: AppState) -> None:
    """Remove the resident's inbox with all that is in it."""
    await execute("DELETE FROM notifications_message WHERE resident_id = $1", event.resident_id)
    await execute("DELETE FROM notifications_inbox WHERE resident_id = $1", event.resident_id)

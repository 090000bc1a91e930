"""What the wallet forgets of a deleted account; `app_server/wiring.py` says after which fact."""

from typing import Protocol
from uuid import UUID

from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute


class Left(Protocol):
    """Who is not here any more."""

    @property
    def resident_id(self) -> UUID: ...


async def erase_cards(event: Left, *, event_id: UUID, state: AppState) -> None:
    """Remove the cards with their values. That they were shown stays: readers answer for it, and it names no value."""
    await execute("DELETE FROM card_wallet_card WHERE resident_id = $1", event.resident_id)

"""What the wallet keeps in each process: the readings that wait for a common statement, and the readers it knows."""

from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict, cast
from uuid import UUID

from app_server.kernel.batch import Batcher
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import fetch
from card_wallet.lifecycle import Status
from card_wallet.pictures import reading_threads
from card_wallet.presentations import PresentationBatcher, presentation_batcher
from card_wallet.principals import Readers


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowableCard:
    """What showing a card needs to know of it."""

    resident_id: UUID
    app_id: str
    type: str
    status: Status
    expires_at: datetime | None


class Wallet:
    """One object a process."""

    def __init__(self, pictures: ThreadPoolExecutor) -> None:
        self.showable: Batcher[UUID, ShowableCard | None] = Batcher(_showable)
        self.presentations: PresentationBatcher = presentation_batcher()
        self.readers = Readers()
        self.pictures = pictures


class WalletAdds(TypedDict):
    """The part of the process's state that `lifespan` provides."""

    wallet: Wallet


class WalletState(AppState):
    """The process's state with the wallet's part."""

    wallet: Wallet


def wallet_of(state: AppState) -> Wallet:
    """The wallet of this process."""
    return cast(WalletState, state)["wallet"]


@asynccontextmanager
async def lifespan(state: AppState) -> AsyncIterator[WalletAdds]:
    """Keep the wallet for the life of the process."""
    with reading_threads() as pictures:
        yield {"wallet": Wallet(pictures)}


async def _showable(ids: list[UUID]) -> Sequence[ShowableCard | None]:
    rows = await fetch(
        "SELECT id, resident_id, app_id, type, status, expires_at FROM card_wallet_card WHERE id = ANY($1)", ids
    )
    found = {
        row["id"]: ShowableCard(
            resident_id=row["resident_id"],
            app_id=row["app_id"],
            type=row["type"],
            status=Status(row["status"]),
            expires_at=row["expires_at"],
        )
        for row in rows
    }
    return [found.get(card_id) for card_id in ids]

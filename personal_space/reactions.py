"""What follows in the personal space from facts of its siblings; `app_server/wiring.py` says which."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from app_server.kernel.ports import Viewer
from app_server.kernel.state import AppState
from personal_space import ledger
from personal_space.purposes import card_check


class CardShown(Protocol):
    """What this reaction needs to know of a presented card."""

    @property
    def presentation_id(self) -> UUID: ...
    @property
    def resident_id(self) -> UUID: ...
    @property
    def title(self) -> Mapping[str, str]: ...
    @property
    def verifier_id(self) -> UUID: ...
    @property
    def verifier_name(self) -> str: ...
    @property
    def place(self) -> str: ...
    @property
    def fields(self) -> Sequence[str]: ...
    @property
    def at(self) -> datetime: ...


async def enter_presentation(event: CardShown, *, event_id: UUID, state: AppState) -> None:
    """The resident sees which reader took their card, where, and which fields it was shown."""
    await ledger.write(
        resident_id=event.resident_id,
        who=Viewer(kind="verifier", id=str(event.verifier_id), name=event.verifier_name, place=event.place),
        purpose=card_check(event.title),
        fields=event.fields,
        reference=f"presentation:{event.presentation_id}",
        at=event.at,
        now=state["clock"](),
    )

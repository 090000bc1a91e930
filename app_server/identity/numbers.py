"""Which account has which mobile number: one number is of one account, and one that was given up is of no other as long
as that can be undone.
"""

from datetime import datetime
from uuid import UUID

from tortoise.exceptions import IntegrityError

from app_server.identity.models import Resident
from app_server.identity.phones import Phone
from app_server.identity.problems import NumberOnHold, NumberTaken
from app_server.identity.service import phone_index
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import fetchrow


async def give_number(resident: Resident, number: Phone, *, state: AppState) -> None:
    """Let the account have this number, in the caller's unit of work, which holds the resident. Problems:
    `number_taken`, `number_on_hold`.
    """
    index = phone_index(state["keys"], number)
    if await fetchrow("SELECT 1 FROM core_resident WHERE phone_index = $1 AND id <> $2", index, resident.id):
        raise NumberTaken()
    resident.phone_index, resident.phone_sealed = index, state["keys"].seal("resident.phone", number)
    await save_number(resident)
    await require_free(index, resident.id, state["clock"]())


async def save_number(resident: Resident) -> None:
    """Keep the number that was set. Problem: `number_taken`, by somebody at this very moment."""
    resident.version += 1
    try:
        await resident.save(update_fields=["phone_index", "phone_sealed", "version"])
    except IntegrityError:
        raise NumberTaken() from None


async def require_free(index: str, resident_id: UUID, now: datetime) -> None:
    """Raise `number_on_hold` where another account gave the number up and can still have it back.

    Call it after the number was taken: who gives it up at the same time held the unique index till then.
    """
    held = await fetchrow(
        "SELECT max(undo_until) AS free_at FROM core_phone_change"
        " WHERE old_phone_index = $1 AND resident_id <> $2 AND undone_at IS NULL AND undo_until > $3",
        index,
        resident_id,
        now,
    )
    if held["free_at"] is not None:
        raise NumberOnHold(free_at=held["free_at"].isoformat())

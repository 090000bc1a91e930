"""What an operator does for a resident who stands before them, as use cases; each of them is audited."""

from uuid import UUID

from app_server.identity.locks import lock_resident, unlock_resident
from app_server.identity.models import LockedAs
from app_server.identity.phones import mask, normalise
from app_server.identity.schemas import ResidentAtCounter, SetStanding
from app_server.identity.service import resident_with
from app_server.kernel.access import Operator
from app_server.kernel.audit import audit
from app_server.kernel.problems import Conflict, NotFound
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import fetchrow, in_unit_of_work


@in_unit_of_work
async def find_resident(phone: str, *, by: Operator, state: AppState) -> ResidentAtCounter:
    """The resident with this number. Problem: `not_found`, also for what is no number."""
    number = normalise(phone)
    resident_id = await resident_with(number, keys=state["keys"]) if number else None
    if resident_id is None:
        raise NotFound("Nobody has an account with that mobile number.")
    await audit("operator", by.id, "resident.looked_up", f"resident:{resident_id}")
    return await _at_counter(resident_id, state)


@in_unit_of_work
async def set_standing(resident_id: UUID, asked: SetStanding, *, by: Operator, state: AppState) -> ResidentAtCounter:
    """Bring the account to that standing; nothing happens when it has it already.

    Problems: `not_found`, `conflict` for a deleted account, which stays so.
    """
    row = await fetchrow("SELECT locked_as FROM core_resident WHERE id = $1 FOR UPDATE", resident_id)
    if row is None:
        raise NotFound()
    if row["locked_as"] == "deleted" != asked.standing:
        raise Conflict("A deleted account stays deleted. Its owner may sign in anew.")
    reason, actor = asked.reason.strip(), str(by.id)
    if asked.standing == "open":
        await unlock_resident(resident_id, reason=reason, by=actor, by_kind="operator")
    else:
        await lock_resident(
            resident_id,
            reason=reason,
            by=actor,
            by_kind="operator",
            now=state["clock"](),
            locked_as=LockedAs(asked.standing),
        )
    return await _at_counter(resident_id, state)


async def _at_counter(resident_id: UUID, state: AppState) -> ResidentAtCounter:
    row = await fetchrow("SELECT id, phone_sealed, locked_at, locked_as FROM core_resident WHERE id = $1", resident_id)
    sealed = row["phone_sealed"]
    return ResidentAtCounter(
        id=row["id"],
        phone_masked=mask(state["keys"].open("resident.phone", sealed)) if sealed else None,
        standing="open" if row["locked_at"] is None else row["locked_as"] or LockedAs.LOCKED,
    )

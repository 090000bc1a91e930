"""A change of a number is undone, as use cases: from any device that is signed in, or by the link in the message that
went to the old number. Neither asks for more proof: it is the safe direction.
"""

from uuid import UUID

from app_server.identity.ending import end_sessions
from app_server.identity.factors.changes import tell
from app_server.identity.known_devices import forget_devices
from app_server.identity.models import Resident
from app_server.identity.numbers import save_number
from app_server.identity.phone_changes.changing import BY_PHONE, forget_begun
from app_server.identity.phone_changes.schemas import LatestPhoneChange
from app_server.identity.phones import mask
from app_server.kernel.crypto import token_hash
from app_server.kernel.problems import NotFound
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import fetchrow, in_unit_of_work

_OPEN = "undone_at IS NULL AND undo_until > $2"


async def latest_change(resident_id: UUID, *, state: AppState) -> LatestPhoneChange:
    """The change of the resident's number that can be undone now."""
    row = await fetchrow(
        f"SELECT changed_at, undo_until, old_phone_sealed FROM core_phone_change WHERE resident_id = $1 AND {_OPEN}",
        resident_id,
        state["clock"](),
    )
    if row is None:
        return LatestPhoneChange(changed_at=None, undo_until=None, old_phone_masked=None)
    old = mask(state["keys"].open("resident.phone", row["old_phone_sealed"]))
    return LatestPhoneChange(changed_at=row["changed_at"], undo_until=row["undo_until"], old_phone_masked=old)


@in_unit_of_work
async def undo(resident_id: UUID, *, here: UUID, state: AppState) -> list[UUID]:
    """The old number comes back; the ids of the sessions that ended. Problem: `not_found`."""
    ended = await _undo(resident_id, here, state)
    if ended is None:
        raise NotFound()
    return ended


@in_unit_of_work
async def undo_by_link(name: str, *, state: AppState) -> list[UUID] | None:
    """The same by the link in the text message; None where there is nothing to undo."""
    row = await fetchrow(
        f"SELECT resident_id FROM core_phone_change WHERE undo_hash = $1 AND {_OPEN}",
        token_hash(name),
        state["clock"](),
    )
    return await _undo(row["resident_id"], None, state) if row else None


async def _undo(resident_id: UUID, here: UUID | None, state: AppState) -> list[UUID] | None:
    """What the new number opened ends, and the session that asked for the change, unless it is the one `here`."""
    resident, now = await Resident.filter(id=resident_id).select_for_update().get(), state["clock"]()
    change = await fetchrow(
        f"UPDATE core_phone_change SET undone_at = $2 WHERE resident_id = $1 AND {_OPEN}"
        " RETURNING session_id, old_phone_index, old_phone_sealed, changed_at",
        resident_id,
        now,
    )
    if change is None:
        return None
    await forget_begun(resident)
    resident.phone_index, resident.phone_sealed = change["old_phone_index"], change["old_phone_sealed"]
    await save_number(resident)
    rows = await end_sessions(
        "resident_id = $1 AND client_id IS NULL AND id IS DISTINCT FROM $2"
        " AND (id = $3 OR (method = ANY($4) AND created_at >= $5))",
        resident_id,
        here,
        change["session_id"],
        [method.value for method in BY_PHONE],
        change["changed_at"],
        at=now,
    )
    await forget_devices(resident_id, [row["device_hash"] for row in rows])
    await tell(resident_id, "number_restored", state=state)
    return [row["id"] for row in rows]

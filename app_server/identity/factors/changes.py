"""What goes with every change of a factor, in the unit of work of the change: it is told, and what hangs on it ends."""

from collections.abc import Sequence
from uuid import UUID

from app_server.identity.ending import end_sessions
from app_server.identity.events import FactorChanged
from app_server.identity.known_devices import forget_devices
from app_server.identity.locks import require_open
from app_server.identity.models import Resident, SignInMethod
from app_server.identity.problems import SessionOver
from app_server.kernel.audit import audit
from app_server.kernel.crypto import KeyRing
from app_server.kernel.events import record
from app_server.kernel.state import AppState


async def hold(resident_id: UUID) -> Resident:
    """The resident, held till the unit ends: nobody locks the account or changes a factor meanwhile. Problems: those
    of `locks.require_open`.
    """
    resident = await Resident.filter(id=resident_id).select_for_update().get()
    require_open(resident)
    return resident


def number_of(resident: Resident, keys: KeyRing) -> str:
    """The resident's number (E.164). Problem: `session_over`, for an account that is deleted meanwhile."""
    if resident.phone_sealed is None:
        raise SessionOver()
    return keys.open("resident.phone", resident.phone_sealed)


async def tell(resident_id: UUID, change: str, *, state: AppState) -> None:
    """Write the change into the audit, and let the resident hear of it."""
    await audit("resident", resident_id, f"factor.{change}", f"resident:{resident_id}")
    await record(FactorChanged(resident_id=resident_id, change=change, at=state["clock"]()))


async def end_opened_with(
    resident_id: UUID, methods: Sequence[SignInMethod], *, here: UUID, state: AppState
) -> list[UUID]:
    """End the resident's sessions that were opened in these ways, but for the one that asks; the ids of all that ended.
    What a service may do while the resident is away stays: it hangs on no sign-in.
    """
    rows = await end_sessions(
        "resident_id = $1 AND method = ANY($2) AND client_id IS NULL AND id <> $3",
        resident_id,
        [method.value for method in methods],
        here,
        at=state["clock"](),
    )
    await forget_devices(resident_id, [row["device_hash"] for row in rows])
    return [row["id"] for row in rows]

"""Locking an account: a stolen phone, a fraud. It stays closed until it is unlocked, whatever its owner still holds."""

from datetime import datetime
from uuid import UUID

from app_server.kernel.audit import audit
from app_server.kernel.unit_of_work import execute, in_unit_of_work


@in_unit_of_work
async def lock_resident(resident_id: UUID, *, reason: str, by: str, now: datetime) -> bool:
    """Lock the account and end all its sessions, audited; False, and nothing changed, if it is locked already.

    No new token is given from then on; tokens that are out are refused in every process within two seconds.
    """
    if not await execute(
        "UPDATE core_resident SET locked_at = $2 WHERE id = $1 AND locked_at IS NULL", resident_id, now
    ):
        return False
    ended = await execute(
        "UPDATE core_session SET ended_at = $2 WHERE resident_id = $1 AND ended_at IS NULL", resident_id, now
    )
    await audit(
        "system", by, "resident.locked", f"resident:{resident_id}", reason=reason, details={"sessions_ended": ended}
    )
    return True


@in_unit_of_work
async def unlock_resident(resident_id: UUID, *, reason: str, by: str) -> bool:
    """Let the resident sign in again, audited; False, and nothing changed, if the account is not locked."""
    if not await execute(
        "UPDATE core_resident SET locked_at = NULL WHERE id = $1 AND locked_at IS NOT NULL", resident_id
    ):
        return False
    await audit("system", by, "resident.unlocked", f"resident:{resident_id}", reason=reason)
    return True

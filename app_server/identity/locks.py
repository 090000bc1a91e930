"""Closing an account: with `locked_at` no token is given for it by any path, whatever its owner still holds.

`locked` is for its owner's sake (a stolen phone), `suspended` a decision of the city, `deceased` the end of its owner;
each can be undone. `deleted` cannot: what was personal is erased, and the number is free for whoever has it.
"""

from datetime import datetime
from uuid import UUID

from app_server.identity.ending import end_sessions
from app_server.identity.events import ResidentDeleted, ResidentDied
from app_server.identity.models import LockedAs, Resident
from app_server.identity.problems import AccountLocked, AccountOfDeceased, AccountSuspended
from app_server.kernel.audit import audit
from app_server.kernel.events import record
from app_server.kernel.unit_of_work import execute, fetch, fetchrow, in_unit_of_work

_REFUSALS = {LockedAs.SUSPENDED: AccountSuspended, LockedAs.DECEASED: AccountOfDeceased}


def require_open(resident: Resident) -> None:
    """Raise `account_locked`, `account_suspended` or `account_of_deceased`; say it only to who proved who they are."""
    if resident.locked_at is not None:
        raise _REFUSALS.get(resident.locked_as or LockedAs.LOCKED, AccountLocked)()


@in_unit_of_work
async def lock_resident(
    resident_id: UUID,
    *,
    reason: str,
    by: str,
    now: datetime,
    locked_as: LockedAs = LockedAs.LOCKED,
    by_kind: str = "system",
) -> bool:
    """Close the account and end all its sessions, audited; False, and nothing changed, if it is closed so already, or
    deleted.

    No new token is given from then on; tokens that are out are refused in every process within two seconds.
    """
    row = await fetchrow(
        "UPDATE core_resident SET locked_at = $2, locked_as = $3 WHERE id = $1"
        " AND locked_as IS DISTINCT FROM $3 AND locked_as IS DISTINCT FROM 'deleted' RETURNING phone_index",
        resident_id,
        now,
        locked_as,
    )
    if row is None:
        return False
    ended = len(await end_sessions("resident_id = $1", resident_id, at=now))
    subject = f"resident:{resident_id}"
    await audit(by_kind, by, f"resident.{locked_as}", subject, reason=reason, details={"sessions_ended": ended})
    if locked_as is LockedAs.DECEASED:
        await record(ResidentDied(resident_id=resident_id, at=now))
    if locked_as is LockedAs.DELETED:
        await _erase(resident_id, row["phone_index"])
        await record(ResidentDeleted(resident_id=resident_id, at=now))
    return True


@in_unit_of_work
async def unlock_resident(resident_id: UUID, *, reason: str, by: str, by_kind: str = "system") -> bool:
    """Let the resident sign in again, audited; False, and nothing changed, if the account is open, or deleted."""
    if not await execute(
        "UPDATE core_resident SET locked_at = NULL, locked_as = NULL"
        " WHERE id = $1 AND locked_at IS NOT NULL AND locked_as IS DISTINCT FROM 'deleted'",
        resident_id,
    ):
        return False
    await audit(by_kind, by, "resident.unlocked", f"resident:{resident_id}", reason=reason)
    return True


ERASED = {  # what identity forgets of a deleted resident ($1), by table
    "core_resident": "UPDATE core_resident SET phone_index = NULL, phone_sealed = NULL, name_sealed = NULL,"
    " birth_date_sealed = NULL, credit_code = NULL,"
    " district_code = NULL, roles = '[]', organisation_id = NULL, version = version + 1 WHERE id = $1",
    "core_session": "UPDATE core_session SET user_agent = '', network_sealed = NULL, name_sealed = NULL,"
    " device_hash = NULL WHERE resident_id = $1",
    "core_refresh_token": "DELETE FROM core_refresh_token WHERE session_id IN"
    " (SELECT id FROM core_session WHERE resident_id = $1)",
    "core_passkey": "DELETE FROM core_passkey WHERE resident_id = $1",
    "core_passkey_challenge": "DELETE FROM core_passkey_challenge WHERE resident_id = $1",
    "core_password": "DELETE FROM core_password WHERE resident_id = $1",
    "core_authenticator_app": "DELETE FROM core_authenticator_app WHERE resident_id = $1",
    "core_recovery_code": "DELETE FROM core_recovery_code WHERE resident_id = $1",
    "core_recovery": "DELETE FROM core_recovery WHERE resident_id = $1",
    "core_phone_change": "DELETE FROM core_phone_change WHERE resident_id = $1",
    "core_sign_in_step": "DELETE FROM core_sign_in_step WHERE resident_id = $1",
    "core_mandate": "UPDATE core_mandate SET to_phone_index = NULL, to_phone_sealed = NULL"
    " WHERE principal_id = $1 OR agent_id = $1",
    "core_identity_proof": "DELETE FROM core_identity_proof WHERE resident_id = $1",
    "core_outside_check": "DELETE FROM core_outside_check WHERE resident_id = $1",
    "core_known_device": "DELETE FROM core_known_device WHERE resident_id = $1",
}


async def _erase(resident_id: UUID, phone_index: str | None) -> None:
    """The row itself stays: sessions that ended must be heard of, and the audit names it."""
    for table in ("core_sign_in_challenge", "core_password_tries"):
        await execute(f"DELETE FROM {table} WHERE phone_index = $1", phone_index)
    for statement in ERASED.values():
        await fetch(statement, resident_id)

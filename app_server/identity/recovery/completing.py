"""A resident takes the account back, with the code of the counter and a new number, after the time to say no."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from app_server.identity import phone_codes, phones
from app_server.identity.devices import Visit
from app_server.identity.ending import end_sessions
from app_server.identity.factors.changes import hold, tell
from app_server.identity.models import SignInMethod
from app_server.identity.numbers import give_number
from app_server.identity.phones import Phone
from app_server.identity.problems import PhoneNotValid
from app_server.identity.recovery.models import Outcome
from app_server.identity.recovery.officers import LIFE, code_hash
from app_server.identity.recovery.problems import RecoveryNotGood, RecoveryNotReady
from app_server.identity.service import OpenedSession, new_session
from app_server.kernel.limits import Rate, limit
from app_server.kernel.problems import FieldError
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute, fetchrow, in_unit_of_work

PER_ADDRESS = Rate(most=30, per=timedelta(hours=1))
FACTORS = (  # and with them what could bring the number of before back
    *("core_passkey", "core_password", "core_authenticator_app", "core_recovery_code"),
    *("core_phone_change", "core_sign_in_step"),
)


async def begin(code: str, phone: str, *, locale: str, address: str, device: str | None, state: AppState) -> UUID:
    """Send a code to the new number; the challenge's id. Problems: `phone_not_valid`, `recovery_not_good`,
    `recovery_not_ready`, `too_many_requests`.
    """
    number = phones.normalise(phone)
    if number is None:
        raise PhoneNotValid(errors=[FieldError(pointer="/phone", detail="A mobile number, like 138 0000 0001.")])
    row = await _good(code, address, state)
    return await phone_codes.send_for_recovery(
        number, row["id"], locale=locale, address=address, device=device, state=state
    )


async def complete(
    code: str, challenge_id: UUID, phone_code: str, *, visit: Visit, state: AppState
) -> tuple[OpenedSession, list[UUID]]:
    """The account has the new number, and nothing else that opened it before; a session, and those that ended.

    Problems: `recovery_not_good`, `recovery_not_ready`, `code_not_accepted`, `challenge_over`, those of
    `give_number` and of `hold`.
    """
    recovery = await _good(code, visit.address, state)
    row = await phone_codes.right_code(challenge_id, phone_code, recovery_of=recovery["id"], state=state)
    return await _complete(recovery, challenge_id, row, visit, state)


async def _good(code: str, address: str, state: AppState) -> Any:
    await limit(state["redis"], "recovery:address", address, PER_ADDRESS, fail_open=False)
    now = state["clock"]()
    row = await fetchrow(
        "SELECT id, resident_id, ready_at FROM core_recovery"
        " WHERE code_hash = $1 AND ended_at IS NULL AND ready_at IS NOT NULL AND opened_at > $2",
        code_hash(state["keys"], code),
        now - LIFE,
    )
    if row is None:
        raise RecoveryNotGood()
    if row["ready_at"] > now:
        raise RecoveryNotReady(ready_at=row["ready_at"].isoformat())
    return row


@in_unit_of_work
async def _complete(
    recovery: Any, challenge_id: UUID, row: Any, visit: Visit, state: AppState
) -> tuple[OpenedSession, list[UUID]]:
    now = state["clock"]()
    resident = await hold(recovery["resident_id"])
    if not await execute(
        "UPDATE core_recovery SET ended_at = $2, ended_as = $3 WHERE id = $1 AND ended_at IS NULL",
        recovery["id"],
        now,
        Outcome.COMPLETED.value,
    ):
        raise RecoveryNotGood()
    await phone_codes.use_up(challenge_id, state=state)
    await give_number(resident, Phone(state["keys"].open("challenge.phone", row["phone_sealed"])), state=state)
    for table in FACTORS:
        await execute(f"DELETE FROM {table} WHERE resident_id = $1", resident.id)
    ended = await end_sessions("resident_id = $1", resident.id, at=now)
    await tell(resident.id, "recovered", state=state)
    opened = await new_session(resident, visit, state, method=SignInMethod.OTP)
    return opened, [each["id"] for each in ended]

"""The second step of a sign-in: a code of the authenticator app, or a recovery code in its place."""

import unicodedata
from datetime import timedelta
from typing import Any
from uuid import UUID

from app_server.identity.devices import Visit
from app_server.identity.factors import authenticator_app, recovery_codes
from app_server.identity.factors.changes import hold
from app_server.identity.factors.models import SignInStep
from app_server.identity.factors.problems import SecondCodeNotAccepted, SecondStepOver, SecondStepRequired
from app_server.identity.factors.tries import forgive_tries
from app_server.identity.models import FirstStep, SignInMethod
from app_server.identity.service import OpenedSession, new_secret, new_session
from app_server.kernel.crypto import token_hash
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute, fetchrow, in_unit_of_work

LIFE = timedelta(minutes=5)
MOST_ATTEMPTS = 5

_METHODS = {
    (FirstStep.CODE, "app"): SignInMethod.OTP_TOTP,
    (FirstStep.CODE, "recovery"): SignInMethod.OTP_RC,
    (FirstStep.PASSWORD, "app"): SignInMethod.PWD_TOTP,
    (FirstStep.PASSWORD, "recovery"): SignInMethod.PWD_RC,
}


async def begin(resident_id: UUID, first: FirstStep, *, state: AppState) -> str:
    """The secret name of a sign-in whose first step is proven; in the caller's unit of work."""
    step = new_secret("bn")
    await SignInStep.create(
        resident_id=resident_id, token_hash=token_hash(step), proven=first, expires_at=state["clock"]() + LIFE
    )
    return step


def required(step: str) -> SecondStepRequired:
    """What somebody hears whose first step was right."""
    return SecondStepRequired(step=step, expires_in=int(LIFE.total_seconds()))


async def answer(step: str, code: str, *, visit: Visit, state: AppState) -> OpenedSession:
    """Trade the right code for a session. Each try counts before it is looked at. Problems: `second_code_not_accepted`
    (with `tries_left`), `second_step_over`, those of `locks.require_open`.
    """
    row = await _count_attempt(token_hash(step), state)
    if row is None:
        raise SecondStepOver()
    opened = await _admit(row, code, visit, state)
    if opened is None:
        raise SecondCodeNotAccepted(tries_left=MOST_ATTEMPTS - row["attempts"])
    return opened


async def kind_of(resident_id: UUID, code: str, *, state: AppState) -> str | None:
    """Whether it is a code of the `app` or a `recovery` code, which is then used; None when it is neither. In the
    caller's unit of work.
    """
    digits = "".join(unicodedata.normalize("NFKC", code).split())
    if len(digits) == 6:
        return "app" if await authenticator_app.accept(resident_id, digits, state=state) else None
    return "recovery" if await recovery_codes.accept(resident_id, code, state=state) else None


@in_unit_of_work
async def _count_attempt(hashed: str, state: AppState) -> Any:
    return await fetchrow(
        "UPDATE core_sign_in_step SET attempts = attempts + 1"
        " WHERE token_hash = $1 AND used_at IS NULL AND attempts < $2 AND expires_at > $3"
        " RETURNING id, resident_id, proven, attempts",
        hashed,
        MOST_ATTEMPTS,
        state["clock"](),
    )


@in_unit_of_work
async def _admit(row: Any, code: str, visit: Visit, state: AppState) -> OpenedSession | None:
    resident = await hold(row["resident_id"])
    kind = await kind_of(resident.id, code, state=state)
    if kind is None:
        return None
    if not await execute(
        "UPDATE core_sign_in_step SET used_at = $2 WHERE id = $1 AND used_at IS NULL", row["id"], state["clock"]()
    ):
        raise SecondStepOver()
    await forgive_tries(resident.phone_index)
    return await new_session(resident, visit, state, method=_METHODS[FirstStep(row["proven"]), kind])

"""Passwords, as use cases: a resident sets or removes one, and signs in with it and a second step."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from app_server.identity import phone_codes, phones
from app_server.identity.factors import authenticator_app, recovery_codes, second_steps
from app_server.identity.factors.changes import end_opened_with, hold, number_of, tell
from app_server.identity.factors.guessable import is_common
from app_server.identity.factors.hashing import Hashing, normalised
from app_server.identity.factors.problems import PasswordNotAccepted, PasswordNotValid, PasswordTooCommon
from app_server.identity.factors.tries import count_try
from app_server.identity.models import FirstStep, Resident, SignInMethod
from app_server.identity.presence import Purpose, is_present, require_presence, wanting
from app_server.identity.problems import PhoneNotValid
from app_server.identity.service import phone_index
from app_server.kernel.ids import uuid7
from app_server.kernel.limits import Rate, limit
from app_server.kernel.logs import logger
from app_server.kernel.problems import FieldError, NotFound, TooManyRequests
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute, fetchrow, in_unit_of_work

HASH = "password.hash"  # the name that sealed hashes are bound to
WITH_PASSWORD = (SignInMethod.PWD_OTP, SignInMethod.PWD_TOTP, SignInMethod.PWD_RC)

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Halfway:
    """The password was right. `step` takes a code of the app or a recovery code; `challenge_id` is that of the code
    that went to the phone, None when the app is asked for, or when no further code may be sent now.
    """

    step: str
    by_app: bool
    challenge_id: UUID | None


async def set_password(resident_id: UUID, password: str, *, here: UUID, state: AppState) -> list[UUID]:
    """Keep the password; the ids of the sessions that ended because they were opened with the old one.

    Problems: `password_not_valid`, `password_too_common`, `insufficient_user_authentication`, those of `hold`,
    `temporarily_unavailable`.
    """
    plain = normalised(password)
    if plain is None:
        wrong = FieldError(pointer="/password", detail="8 to 128 characters that can be typed.")
        raise PasswordNotValid(errors=[wrong])
    if not await is_present(resident_id, here, Purpose.PASSWORD, state=state):
        raise await wanting(resident_id, Purpose.PASSWORD)
    number = number_of(await Resident.get(id=resident_id), state["keys"])
    if is_common(plain, number) or await _breached(plain, state):
        raise PasswordTooCommon()
    return await _keep(resident_id, await hashing(state).hash(plain), here, state)


async def _breached(plain: str, state: AppState) -> bool:
    """A list that cannot be read stops nobody from setting a password; the log says so."""
    try:
        return await hashing(state).breached(plain)
    except (OSError, ValueError) as error:
        log.error("breached_passwords_not_read", reason=type(error).__name__)
        return False


@in_unit_of_work
async def _keep(resident_id: UUID, hashed: str, here: UUID, state: AppState) -> list[UUID]:
    await hold(resident_id)
    await require_presence(resident_id, here, Purpose.PASSWORD, state=state)
    await execute(
        "INSERT INTO core_password (id, resident_id, hash_sealed, set_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (resident_id) DO UPDATE SET hash_sealed = excluded.hash_sealed, set_at = excluded.set_at",
        uuid7(),
        resident_id,
        state["keys"].seal(HASH, hashed),
        state["clock"](),
    )
    await tell(resident_id, "password_set", state=state)
    return await end_opened_with(resident_id, WITH_PASSWORD, here=here, state=state)


@in_unit_of_work
async def remove_password(resident_id: UUID, *, here: UUID, state: AppState) -> list[UUID]:
    """Sign in without one from now on; the ids of the sessions that ended. Problems: `not_found`,
    `insufficient_user_authentication`, those of `hold`.
    """
    await hold(resident_id)
    await require_presence(resident_id, here, Purpose.PASSWORD, state=state)
    if not await execute("DELETE FROM core_password WHERE resident_id = $1", resident_id):
        raise NotFound()
    await tell(resident_id, "password_removed", state=state)
    return await end_opened_with(resident_id, WITH_PASSWORD, here=here, state=state)


async def sign_in(
    phone: str, password: str, *, locale: str, address: str, device: str | None, state: AppState
) -> Halfway:
    """The first step. Whatever is wrong is told the same, after the same work. Problems: `phone_not_valid`,
    `password_not_accepted`, those of `hold`, `too_many_requests`, `temporarily_unavailable`.
    """
    number = phones.normalise(phone)
    if number is None:
        raise PhoneNotValid(errors=[FieldError(pointer="/phone", detail="A mobile number, like 138 0000 0001.")])
    per_address = Rate(most=state["settings"].codes_per_address, per=timedelta(hours=1))
    await limit(state["redis"], "password:address", address, per_address, fail_open=False)
    index, plain = phone_index(state["keys"], number), normalised(password)
    await count_try(index, state=state)
    row = await fetchrow(
        "SELECT r.id, p.hash_sealed FROM core_resident r LEFT JOIN core_password p ON p.resident_id = r.id"
        " WHERE r.phone_index = $1",
        index,
    )
    kept = state["keys"].open(HASH, row["hash_sealed"]) if row and row["hash_sealed"] else None
    if not await hashing(state).verify(kept, plain or "") or kept is None:
        raise PasswordNotAccepted()
    if hashing(state).is_outdated(kept):
        await _hash_anew(row, await hashing(state).hash(plain or ""), state)
    return await _go_on(row["id"], number, locale, address, device, state)


async def _go_on(
    resident_id: UUID, number: phones.Phone, locale: str, address: str, device: str | None, state: AppState
) -> Halfway:
    step, by_app = await _begin(resident_id, state)
    if by_app:
        return Halfway(step=step, by_app=True, challenge_id=None)
    try:
        challenge_id = await phone_codes.send_after_password(
            number, resident_id, locale=locale, address=address, device=device, state=state
        )
    except TooManyRequests:
        if not await recovery_codes.left(resident_id):
            raise
        challenge_id = None  # who lost the phone still has the paper
    return Halfway(step=step, by_app=False, challenge_id=challenge_id)


@in_unit_of_work
async def _begin(resident_id: UUID, state: AppState) -> tuple[str, bool]:
    await hold(resident_id)
    step = await second_steps.begin(resident_id, FirstStep.PASSWORD, state=state)
    return step, await authenticator_app.is_on(resident_id)


@in_unit_of_work
async def _hash_anew(row: Any, hashed: str, state: AppState) -> None:
    await execute(
        "UPDATE core_password SET hash_sealed = $3 WHERE resident_id = $1 AND hash_sealed = $2",
        row["id"],
        row["hash_sealed"],
        state["keys"].seal(HASH, hashed),
    )


def hashing(state: AppState) -> Hashing:
    """The hashing of this process."""
    found: Hashing = state["hashing"]  # type: ignore[typeddict-item]
    return found

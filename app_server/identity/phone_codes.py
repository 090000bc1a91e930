"""Sign-in with a one-time code that goes to a phone, as use cases."""

import secrets
import unicodedata
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app_server.identity import phones
from app_server.identity.devices import Visit
from app_server.identity.factors import authenticator_app, second_steps
from app_server.identity.factors.tries import forgive_tries
from app_server.identity.locks import require_open
from app_server.identity.models import FirstStep, SignInChallenge, SignInMethod
from app_server.identity.numbers import require_free
from app_server.identity.problems import ChallengeOver, CodeNotAccepted, PhoneNotValid
from app_server.identity.service import OpenedSession, ensure_resident, new_session, phone_index
from app_server.kernel.crypto import KeyRing
from app_server.kernel.ids import uuid7
from app_server.kernel.limits import Rate, limit
from app_server.kernel.problems import FieldError
from app_server.kernel.redis import Redis
from app_server.kernel.settings import Settings
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute, fetchrow, in_unit_of_work

CODE_LIFE = timedelta(minutes=5)
RESEND_AFTER = timedelta(seconds=60)
MOST_ATTEMPTS = 5

PER_NUMBER = Rate(most=5, per=timedelta(hours=1))
PER_DEVICE = Rate(most=20, per=timedelta(hours=1))

CODE_TEXTS = {
    "zh-CN": "【{city}】登录验证码 {code}，5 分钟内有效。工作人员不会向您索要验证码。",
    "en": "{city}: your sign-in code is {code}. It works for 5 minutes. Nobody from the city will ask you for it.",
}


async def request_challenge(phone: str, *, locale: str, address: str, device: str | None, state: AppState) -> UUID:
    """Send a one-time code; the challenge's id. Known and unknown numbers are the same here: nobody is looked up.

    Problems: `phone_not_valid`, `too_many_requests`. Without Valkey the limits cannot be held, so no code is sent
    (`temporarily_unavailable`).
    """
    number = phones.normalise(phone)
    if number is None:
        raise PhoneNotValid(errors=[FieldError(pointer="/phone", detail="A mobile number, like 138 0000 0001.")])
    index = phone_index(state["keys"], number)
    await _hold_limits(state["redis"], state["settings"], index, address, device)
    return await _send_code(number, index, locale, state)


async def send_after_password(
    number: phones.Phone, resident_id: UUID, *, locale: str, address: str, device: str | None, state: AppState
) -> UUID:
    """The same for a resident who gave the right password. Problem: `too_many_requests`."""
    index = phone_index(state["keys"], number)
    await _hold_limits(state["redis"], state["settings"], index, address, device)
    return await _send_code(number, index, locale, state, after_password_of=resident_id)


async def _hold_limits(redis: Redis, settings: Settings, number: str, address: str, device: str | None) -> None:
    per_address = Rate(most=settings.codes_per_address, per=timedelta(hours=1))
    await limit(redis, "code:address", address, per_address, fail_open=False)
    if device:
        await limit(redis, "code:device", device, PER_DEVICE, fail_open=False)
    await limit(redis, "code:resend", number, Rate(most=1, per=RESEND_AFTER), fail_open=False)
    await limit(redis, "code:number", number, PER_NUMBER, fail_open=False)


async def send_for_presence(
    number: phones.Phone, session_id: UUID, *, locale: str, address: str, device: str | None, state: AppState
) -> UUID:
    """The same for somebody who is signed in and shows that they are there. Problem: `too_many_requests`."""
    index = phone_index(state["keys"], number)
    await _hold_limits(state["redis"], state["settings"], index, address, device)
    return await _send_code(number, index, locale, state, presence_of=session_id)


async def send_for_recovery(
    number: phones.Phone, recovery_id: UUID, *, locale: str, address: str, device: str | None, state: AppState
) -> UUID:
    """The same for the number that a recovered account gets. Problem: `too_many_requests`."""
    index = phone_index(state["keys"], number)
    await _hold_limits(state["redis"], state["settings"], index, address, device)
    return await _send_code(number, index, locale, state, recovery_of=recovery_id)


async def send_for_number(
    number: phones.Phone, session_id: UUID, *, locale: str, address: str, device: str | None, state: AppState
) -> UUID:
    """The same for the number that somebody who is signed in changes to. Problem: `too_many_requests`."""
    index = phone_index(state["keys"], number)
    await _hold_limits(state["redis"], state["settings"], index, address, device)
    return await _send_code(number, index, locale, state, number_of=session_id)


@in_unit_of_work
async def _send_code(
    number: phones.Phone,
    index: str,
    locale: str,
    state: AppState,
    *,
    after_password_of: UUID | None = None,
    presence_of: UUID | None = None,
    recovery_of: UUID | None = None,
    number_of: UUID | None = None,
) -> UUID:
    keys, now = state["keys"], state["clock"]()
    challenge_id, code = uuid7(), f"{secrets.randbelow(1_000_000):06}"
    await SignInChallenge.create(
        id=challenge_id,
        phone_index=index,
        phone_sealed=keys.seal("challenge.phone", number),
        code_hash=_code_hash(keys, challenge_id, code),
        locale=locale,
        after_password_of=after_password_of,
        presence_of=presence_of,
        recovery_of=recovery_of,
        number_of=number_of,
        expires_at=now + CODE_LIFE,
    )
    text = CODE_TEXTS.get(locale, CODE_TEXTS["en"]).format(city=state["settings"].city(locale), code=code)
    await state["ports"].sms.queue_sms(
        to=number, text=text, unique_key=f"challenge:{challenge_id}", expires_at=now + CODE_LIFE
    )
    return challenge_id


async def open_session(challenge_id: UUID, code: str, *, visit: Visit, state: AppState) -> OpenedSession:
    """Trade the right code for a session; a person who was never here becomes a resident.

    Each try counts before it is looked at, so a thousand at once still are five. Problems: `code_not_accepted` (with
    `tries_left`), `challenge_over`, `number_on_hold`, `second_step_required` (with `step`) for who has an authenticator
    app, those of `locks.require_open`.
    """
    row = await right_code(challenge_id, code, state=state)
    opened = await _admit(challenge_id, row, visit, state)
    if isinstance(opened, str):
        raise second_steps.required(opened)
    return opened


async def right_code(
    challenge_id: UUID,
    code: str,
    *,
    presence_of: UUID | None = None,
    recovery_of: UUID | None = None,
    number_of: UUID | None = None,
    state: AppState,
) -> Any:
    """The challenge whose code this is; it is not used up yet. Problems: `code_not_accepted`, `challenge_over`."""
    row = await _count_attempt(challenge_id, (presence_of, recovery_of, number_of), state["clock"]())
    if row is None:
        raise ChallengeOver()
    code = "".join(unicodedata.normalize("NFKC", code).split())  # full-width digits are those of ASCII
    if not secrets.compare_digest(_code_hash(state["keys"], challenge_id, code), row["code_hash"]):
        left = MOST_ATTEMPTS - row["attempts"]
        raise CodeNotAccepted(errors=[FieldError(pointer="/code", detail=f"{left} tries left.")], tries_left=left)
    return row


async def use_up(challenge_id: UUID, *, state: AppState) -> None:
    """Raise `challenge_over` if it was used meanwhile; in the caller's unit of work."""
    if not await execute(
        "UPDATE core_sign_in_challenge SET used_at = $2 WHERE id = $1 AND used_at IS NULL",
        challenge_id,
        state["clock"](),
    ):
        raise ChallengeOver()


@in_unit_of_work
async def _count_attempt(challenge_id: UUID, made_for: tuple[UUID | None, ...], now: datetime) -> Any:
    return await fetchrow(
        "UPDATE core_sign_in_challenge SET attempts = attempts + 1"
        " WHERE id = $1 AND used_at IS NULL AND attempts < $2 AND expires_at > $3"
        " AND presence_of IS NOT DISTINCT FROM $4 AND recovery_of IS NOT DISTINCT FROM $5"
        " AND number_of IS NOT DISTINCT FROM $6"
        " RETURNING code_hash, attempts, phone_index, phone_sealed, locale, after_password_of",
        challenge_id,
        MOST_ATTEMPTS,
        now,
        *made_for,
    )


@in_unit_of_work
async def _admit(challenge_id: UUID, row: Any, visit: Visit, state: AppState) -> OpenedSession | str:
    """The session, or the name of the sign-in that waits for its second step."""
    await use_up(challenge_id, state=state)
    number = state["keys"].open("challenge.phone", row["phone_sealed"])
    resident = await ensure_resident(number, locale=row["locale"], keys=state["keys"])
    await require_free(row["phone_index"], resident.id, state["clock"]())
    require_open(resident)
    after_password = row["after_password_of"] == resident.id
    if await authenticator_app.is_on(resident.id):
        first = FirstStep.PASSWORD if after_password else FirstStep.CODE
        return await second_steps.begin(resident.id, first, state=state)
    if after_password:
        await forgive_tries(resident.phone_index)
    method = SignInMethod.PWD_OTP if after_password else SignInMethod.OTP
    return await new_session(resident, visit, state, method=method)


def _code_hash(keys: KeyRing, challenge_id: UUID, code: str) -> str:
    return keys.blind_index("challenge.code", f"{challenge_id}\0{code}").hex()

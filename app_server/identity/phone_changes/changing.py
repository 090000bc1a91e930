"""A resident changes their number, as use cases: a code to the new one proves it, the old one is told."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from app_server.identity import phone_codes, phones
from app_server.identity.factors.changes import end_opened_with, hold, number_of, tell
from app_server.identity.models import Resident, SignInMethod
from app_server.identity.numbers import give_number
from app_server.identity.phone_changes.models import PhoneChange
from app_server.identity.phone_changes.problems import NumberChangedLately, NumberUnchanged
from app_server.identity.phones import Phone
from app_server.identity.presence import Purpose, is_present, wanting
from app_server.identity.problems import PhoneNotValid
from app_server.identity.service import new_secret, phone_index
from app_server.kernel.crypto import token_hash
from app_server.kernel.ids import uuid7
from app_server.kernel.problems import FieldError
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute, fetchrow, in_unit_of_work

BY_PHONE = (SignInMethod.OTP, SignInMethod.OTP_TOTP, SignInMethod.OTP_RC, SignInMethod.PWD_OTP)

_SMS = {
    "zh-CN": "【{city}】您账号的手机号码已不再是本号码。如非您本人操作，请在 {hours} 小时内撤销：{link}",
    "en": "{city}: this is no longer the mobile number of your account. If you did not change it, undo it within"
    " {hours} hours: {link}",
}


async def begin(
    resident_id: UUID, here: UUID, phone: str, *, locale: str, address: str, device: str | None, state: AppState
) -> UUID:
    """Send a code to the new number, good for this session alone; the challenge's id. Whose the number is says nobody
    here. Who proved presence before has it for as long as the code lives.

    Problems: `phone_not_valid`, `insufficient_user_authentication`, `number_unchanged`, `number_changed_lately`,
    `too_many_requests`, `temporarily_unavailable`.
    """
    number = phones.normalise(phone)
    if number is None:
        raise PhoneNotValid(errors=[FieldError(pointer="/phone", detail="A mobile number, like 138 0000 0001.")])
    if not await is_present(resident_id, here, Purpose.NUMBER, state=state):
        raise await wanting(resident_id, Purpose.NUMBER)
    await _require_change(await Resident.get(id=resident_id), phone_index(state["keys"], number), state)
    return await phone_codes.send_for_number(number, here, locale=locale, address=address, device=device, state=state)


async def confirm(resident_id: UUID, here: UUID, challenge_id: UUID, code: str, *, state: AppState) -> list[UUID]:
    """The account has the new number; the ids of the sessions that ended because the old one opened them.

    Problems: `code_not_accepted`, `challenge_over`, `number_taken`, `number_on_hold`, those of `begin` and of `hold`.
    """
    row = await phone_codes.right_code(challenge_id, code, number_of=here, state=state)
    return await _change(resident_id, here, challenge_id, row, state)


@in_unit_of_work
async def _change(resident_id: UUID, here: UUID, challenge_id: UUID, row: Any, state: AppState) -> list[UUID]:
    resident, now = await hold(resident_id), state["clock"]()
    await phone_codes.use_up(challenge_id, state=state)
    await _require_change(resident, row["phone_index"], state)
    old = number_of(resident, state["keys"])
    undo, change_id, hours = new_secret("bu"), uuid7(), state["settings"].recovery_hours
    await PhoneChange.create(
        id=change_id,
        resident=resident,
        session_id=here,
        old_phone_index=resident.phone_index,
        old_phone_sealed=resident.phone_sealed,
        undo_hash=token_hash(undo),
        changed_at=now,
        undo_until=now + timedelta(hours=hours),
    )
    await forget_begun(resident)
    await give_number(resident, Phone(state["keys"].open("challenge.phone", row["phone_sealed"])), state=state)
    await execute("DELETE FROM core_presence_ticket WHERE session_id = $1 AND purpose = $2", here, Purpose.NUMBER.value)
    await tell(resident_id, "number_changed", state=state)
    link = f"{state['settings'].base_url}/phone-changes/{undo}"
    city = state["settings"].city(resident.locale)
    text = _SMS.get(resident.locale, _SMS["en"]).format(city=city, hours=hours, link=link)
    await state["ports"].sms.queue_sms(to=old, text=text, unique_key=f"phone-change:{change_id}")
    return await end_opened_with(resident_id, BY_PHONE, here=here, state=state)


async def forget_begun(resident: Resident) -> None:
    """What somebody began with the number that goes: codes that were sent there, and sign-ins after such a code. In the
    caller's unit of work, which holds the resident. A sign-in that holds its code waits for that: it finds the number
    gone.
    """
    await execute(
        "DELETE FROM core_sign_in_challenge WHERE id IN"
        " (SELECT id FROM core_sign_in_challenge WHERE phone_index = $1 FOR UPDATE SKIP LOCKED)",
        resident.phone_index,
    )
    await execute("DELETE FROM core_sign_in_step WHERE resident_id = $1", resident.id)


async def _require_change(resident: Resident, index: str, state: AppState) -> None:
    if resident.phone_index == index:
        raise NumberUnchanged()
    lately = await fetchrow(
        "SELECT undo_until FROM core_phone_change WHERE resident_id = $1 AND undone_at IS NULL AND undo_until > $2",
        resident.id,
        state["clock"](),
    )
    if lately is not None:
        raise NumberChangedLately(again_at=lately["undo_until"].isoformat())

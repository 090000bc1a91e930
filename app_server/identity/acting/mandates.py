"""Mandates as use cases: offered by one side, accepted by both, ended by either. Each locks its row first."""

import secrets
from datetime import date, datetime, timedelta
from uuid import UUID

from app_server.identity import phones
from app_server.identity.acting.ending import end_of_mandate, hold_company, require_successor
from app_server.identity.acting.events import MandateAccepted, MandateOffered
from app_server.identity.acting.models import Mandate
from app_server.identity.acting.problems import InvitationNotGood, MandateOver, MandateWithOneself
from app_server.identity.acting.rules import (
    ALPHABET,
    CODE_LENGTH,
    LONGEST,
    OFFER_LIFE,
    Kind,
    Side,
    State,
    begin_of,
    end_of,
    plain_code,
)
from app_server.identity.acting.schemas import OfferMandate
from app_server.identity.models import Resident
from app_server.identity.presence import Purpose, require_presence
from app_server.identity.problems import PhoneNotValid
from app_server.identity.service import phone_index
from app_server.kernel.audit import audit
from app_server.kernel.crypto import KeyRing
from app_server.kernel.events import record
from app_server.kernel.limits import Rate, limit
from app_server.kernel.problems import FieldError, NotFound, ValidationFailed
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import in_unit_of_work

OFFERS = Rate(most=20, per=timedelta(days=1))
OFFERS_TO_A_NUMBER = Rate(most=3, per=timedelta(days=1))
TRIES = Rate(most=20, per=timedelta(hours=1))  # of a code that somebody typed

TEXTS = {
    "zh-CN": "【{city}】您收到一份代办邀请。请登录后打开 {link} 查看。如果您不认识对方，请拒绝。",
    "en": "{city}: you are offered a mandate. Sign in and open {link} to see it. Refuse it from strangers.",
}


async def offer(
    by: UUID, here: UUID, asked: OfferMandate, *, locale: str, state: AppState
) -> tuple[Mandate, str | None]:
    """Offer a mandate; with it the code of an open one. The answer is the same for every number, known or not.

    Whoever lets somebody they name act for them shows that they are there (`insufficient_user_authentication`), as does
    who says yes to it: it outlasts the session. Other problems: `validation_failed`, `phone_not_valid`,
    `mandate_with_oneself`, `too_many_requests`. Without Valkey the
    limits cannot be held, so no offer is made (`temporarily_unavailable`).
    """
    starts_at, until_at = dates(asked.starts_on, asked.until, LONGEST[asked.kind], now=state["clock"]())
    require_services(asked.app_ids, state)
    number = None
    if asked.phone is not None:
        number = phones.normalise(asked.phone)
        if number is None:
            raise PhoneNotValid(errors=[FieldError(pointer="/phone", detail="A mobile number, like 138 0000 0001.")])
        index = phone_index(state["keys"], number)
        if await Resident.exists(id=by, phone_index=index):
            raise MandateWithOneself()
    await spare(by, number, state=state)
    mandate = Mandate(
        kind=asked.kind, reach=asked.reach, app_ids=sorted(set(asked.app_ids)), starts_at=starts_at, until_at=until_at
    )
    return mandate, await _offer(mandate, by, here, asked.you_are, number, locale, state)


async def spare(by: UUID, number: phones.Phone | None, *, state: AppState) -> None:
    """Raise `too_many_requests` when somebody offers too often, or a number was offered too much today."""
    if number is not None:
        index = phone_index(state["keys"], number)
        await limit(state["redis"], "mandate:number", index, OFFERS_TO_A_NUMBER, fail_open=False)
    await limit(state["redis"], "mandate:offers", str(by), OFFERS, fail_open=False)


@in_unit_of_work
async def _offer(
    mandate: Mandate, by: UUID, here: UUID, side: Side, number: phones.Phone | None, locale: str, state: AppState
) -> str | None:
    now, code = state["clock"](), None
    mandate.state, mandate.offered_by = State.OFFERED, by
    _set_side(mandate, side, by)
    if number is not None:
        # She chose whom to offer it to, which is her acceptance; of an open offer she does not know yet who takes it.
        await _accept_side(mandate, side, by, here, now, state)
        await address(mandate, number, locale=locale, state=state)
    else:
        code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
        mandate.code_index = _code_index(code, state["keys"])
    await begin(mandate, actor=("resident", by), state=state)
    return code


async def address(mandate: Mandate, number: phones.Phone, *, locale: str, state: AppState) -> None:
    """Let the number's owner accept it, and tell them by text message; in the caller's unit of work."""
    keys, link = state["keys"], f"{state['settings'].base_url}/mandates"
    mandate.to_phone_index = phone_index(keys, number)
    mandate.to_phone_sealed = keys.seal("mandate.phone", number)
    text = TEXTS[locale].format(city=state["settings"].city(locale), link=link)
    await state["ports"].sms.queue_sms(to=number, text=text, unique_key=f"mandate:{mandate.id}")


async def begin(mandate: Mandate, *, actor: tuple[str, UUID], state: AppState) -> None:
    """Keep a new mandate, audited and told; in the caller's unit of work."""
    now = state["clock"]()
    mandate.offered_at, mandate.offer_expires_at = now, min(now + OFFER_LIFE, mandate.until_at)
    await mandate.save(force_create=True)
    details = {"kind": mandate.kind.value, "reach": mandate.reach.value, "app_ids": mandate.app_ids}
    await audit(*actor, "mandate.offered", f"mandate:{mandate.id}", details=details)
    waits_for = Side.PRINCIPAL if mandate.agent_id == mandate.offered_by else Side.AGENT
    await record(MandateOffered(mandate_id=mandate.id, waits_for=waits_for.value, at=now))


async def invitation(me: UUID, code: str, *, state: AppState) -> Mandate:
    """The open offer with this code, for somebody who may accept it. Problems: `invitation_not_good` for every code
    that is wrong, used, too old or one's own; `too_many_requests`.
    """
    await limit(state["redis"], "mandate:tries", str(me), TRIES, fail_open=False)
    plain = plain_code(code)
    mandate = await Mandate.filter(code_index=_code_index(plain, state["keys"])).first() if plain else None
    if mandate is None or over(mandate, state["clock"]()) or mandate.offered_by == me:
        raise InvitationNotGood()
    return mandate


async def accept(me: UUID, here: UUID, mandate_id: UUID, code: str | None, *, state: AppState) -> Mandate:
    """Say yes: the one who was asked, by number or with the code of an open offer; then, to an open one, who offered
    it. Again it is the same yes. Problems: `not_found`, `invitation_not_good`, `mandate_over`,
    `insufficient_user_authentication`.
    """
    if code is not None:
        await limit(state["redis"], "mandate:tries", str(me), TRIES, fail_open=False)
    return await _accept(me, here, mandate_id, plain_code(code) if code is not None else None, state)


@in_unit_of_work
async def _accept(me: UUID, here: UUID, mandate_id: UUID, code: str | None, state: AppState) -> Mandate:
    mandate = await Mandate.filter(id=mandate_id).select_for_update().first()
    if mandate is None:
        raise NotFound()
    now, side = state["clock"](), side_of(me, mandate)
    if side is None:
        side = await _open_side(me, mandate, code, state["keys"])
    if over(mandate, now):
        raise MandateOver()
    if accepted_at(mandate, side) is not None or mandate.principal_id is None or mandate.agent_id is None:
        return mandate  # said before; or nobody has taken the open offer yet: there is no one to say yes to
    await _accept_side(mandate, side, me, here, now, state)
    await audit("resident", me, "mandate.accepted", f"mandate:{mandate.id}", details={"as": side.value})
    if mandate.principal_accepted_at and mandate.agent_accepted_at:
        mandate.state = State.ACTIVE
        await record(MandateAccepted(mandate_id=mandate.id, at=now))
    else:
        await record(MandateOffered(mandate_id=mandate.id, waits_for=side.other.value, at=now))
    await mandate.save()
    return mandate


async def _open_side(me: UUID, mandate: Mandate, code: str | None, keys: KeyRing) -> Side:
    """Take the side that nobody has yet, if the offer was made for this number or for this code."""
    side = Side.PRINCIPAL if mandate.principal_id is None else Side.AGENT
    is_open = mandate.principal_id is None or mandate.agent_id is None
    by_code = is_open and code is not None and mandate.code_index == _code_index(code, keys)
    if not by_code:
        mine = is_open and mandate.to_phone_index and await Resident.exists(id=me, phone_index=mandate.to_phone_index)
        if not mine:
            raise NotFound() if code is None else InvitationNotGood()
    mandate.code_index = mandate.to_phone_index = mandate.to_phone_sealed = None  # the number may get another owner
    _set_side(mandate, side, me)
    return side


@in_unit_of_work
async def end(me: UUID, mandate_id: UUID, *, state: AppState) -> None:
    """End it, or refuse or take back the offer, and with it everything that is open under it. What has ended stays
    ended. Problems: `not_found`; `successor_needed` for the last legal representative of a company.
    """
    found = await Mandate.filter(id=mandate_id).first()
    if found is not None and found.principal_id is not None and found.kind is Kind.OFFICER:
        await hold_company(found.principal_id)
    mandate = await Mandate.filter(id=mandate_id).select_for_update().first()
    if mandate is None:
        raise NotFound()
    side = side_of(me, mandate)
    if side is None:
        if not mandate.to_phone_index or not await Resident.exists(id=me, phone_index=mandate.to_phone_index):
            raise NotFound()
        side = Side.PRINCIPAL if mandate.principal_id is None else Side.AGENT
    await require_successor(mandate)
    await end_of_mandate(mandate, by=side.value, actor=("resident", me), state=state)


def side_of(me: UUID, mandate: Mandate) -> Side | None:
    """Which side somebody is; None for a stranger."""
    if me == mandate.principal_id:
        return Side.PRINCIPAL
    return Side.AGENT if me == mandate.agent_id else None


def accepted_at(mandate: Mandate, side: Side) -> datetime | None:
    """When that side said yes."""
    return mandate.principal_accepted_at if side is Side.PRINCIPAL else mandate.agent_accepted_at


def over(mandate: Mandate, now: datetime) -> bool:
    """Whether it has ended, by the clock too, also before the schedule has come round."""
    last = mandate.offer_expires_at if mandate.state is State.OFFERED else mandate.until_at
    return mandate.state is State.ENDED or last <= now


def dates(starts_on: date | None, until: date, longest: timedelta, *, now: datetime) -> tuple[datetime, datetime]:
    """First and last moment of a mandate. Problem: `validation_failed` for days that are past or too far away."""
    try:
        starts_at, until_at = begin_of(starts_on) if starts_on else now, end_of(until)
    except OverflowError:
        raise ValidationFailed(errors=[FieldError(pointer="/until", detail="A day of this century.")]) from None
    starts_at = max(starts_at, now)
    if until_at <= starts_at or until_at - starts_at > longest + timedelta(days=1):
        words = f"A day from the first one on, at most {longest.days} days after it."
        raise ValidationFailed(errors=[FieldError(pointer="/until", detail=words)])
    return starts_at, until_at


def require_services(app_ids: list[str], state: AppState) -> None:
    """Problem `validation_failed` for a service that there is none of."""
    if any(state["ports"].clients.find(app_id) is None for app_id in app_ids):
        raise ValidationFailed(errors=[FieldError(pointer="/app_ids", detail="Name services that are open here.")])


def _set_side(mandate: Mandate, side: Side, who: UUID) -> None:
    if side is Side.PRINCIPAL:
        mandate.principal_id = who
    else:
        mandate.agent_id = who


async def _accept_side(mandate: Mandate, side: Side, who: UUID, here: UUID, now: datetime, state: AppState) -> None:
    if side is Side.PRINCIPAL:
        await require_presence(who, here, Purpose.MANDATES, state=state)
        mandate.principal_accepted_at = now
    else:
        mandate.agent_accepted_at = now


def _code_index(code: str, keys: KeyRing) -> str:
    return keys.blind_index("mandate.code", code).hex()

"""What an officer of the city opens, having checked it: accounts of children, wards and companies, which have no phone
of their own, and the mandates of those who act for them. The officer's check is the yes of the one acted for.
"""

from datetime import date, datetime
from uuid import UUID

from app_server.identity import phones
from app_server.identity.acting.credit_codes import normalised
from app_server.identity.acting.ending import end_of_mandate
from app_server.identity.acting.mandates import address, begin, dates
from app_server.identity.acting.models import Mandate
from app_server.identity.acting.problems import CompanyKnown
from app_server.identity.acting.rules import LONGEST, Kind, Reach, Role, State, end_of, of_age
from app_server.identity.acting.schemas import MandatePage, OpenCompany, OpenDependant, OpenMandate
from app_server.identity.acting.views import mandates_for
from app_server.identity.models import Resident, ResidentKind
from app_server.identity.problems import PhoneNotValid
from app_server.identity.service import resident_with
from app_server.kernel.access import Operator
from app_server.kernel.audit import audit
from app_server.kernel.ids import uuid7
from app_server.kernel.problems import FieldError, NotForThisAccount, NotFound, ValidationFailed
from app_server.kernel.schemas import PageRequest
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute, in_unit_of_work


@in_unit_of_work
async def open_dependant(asked: OpenDependant, *, by: Operator, state: AppState) -> UUID:
    """An account of somebody who has no phone: a child, a ward. Audited."""
    if asked.birth_date > state["clock"]().date():
        raise ValidationFailed(errors=[FieldError(pointer="/birth_date", detail="A day that has been.")])
    keys = state["keys"]
    resident = await Resident.create(
        name_sealed=keys.seal("resident.name", asked.name),
        birth_date_sealed=keys.seal("resident.birth_date", asked.birth_date.isoformat()),
    )
    await audit("operator", by.id, "resident.opened", f"resident:{resident.id}", reason=asked.reason)
    return resident.id


@in_unit_of_work
async def open_company(asked: OpenCompany, *, by: Operator, state: AppState) -> UUID:
    """An account of a legal person, once for each credit code. Audited. Problems: `validation_failed`,
    `company_known`.
    """
    code = normalised(asked.credit_code)
    if code is None:
        words = "18 characters as on the licence; the last one does not fit the others when a character is wrong."
        raise ValidationFailed(errors=[FieldError(pointer="/credit_code", detail=words)])
    company_id = uuid7()
    opened = await execute(
        "INSERT INTO core_resident (id, kind, name_sealed, credit_code, locale, theme, elder_mode, roles, version,"
        " created_at) VALUES ($1, $2, $3, $4, 'zh-CN', 'auto', false, '[]', 1, now())"
        " ON CONFLICT (credit_code) DO NOTHING",
        company_id,
        ResidentKind.COMPANY,
        state["keys"].seal("resident.name", asked.name),
        code,
    )
    if not opened:
        raise CompanyKnown()
    await audit("operator", by.id, "company.opened", f"resident:{company_id}", reason=asked.reason)
    return company_id


@in_unit_of_work
async def open_mandate(asked: OpenMandate, *, by: Operator, locale: str, state: AppState) -> Mandate:
    """Offer a mandate for an account that was opened here to the owner of a number, who accepts it. Audited.

    Problems: `not_found` for an account that was not opened here, `phone_not_valid`, `validation_failed`,
    `not_for_this_account` for an officer who would be the one to act.
    """
    number = phones.normalise(asked.phone)
    if number is not None and await resident_with(number, keys=state["keys"]) == by.id:
        raise NotForThisAccount("Another officer has to open a mandate that is yours.")
    principal = await Resident.filter(id=asked.principal_id, phone_index=None, locked_at=None).first()
    if principal is None:
        raise NotFound("Nobody opened an account of that id at a counter.")
    if (principal.kind is ResidentKind.COMPANY) != (asked.kind is Kind.OFFICER):
        raise ValidationFailed(errors=[FieldError(pointer="/kind", detail="For a company officer, for no person.")])
    if asked.role is not None and asked.kind is not Kind.OFFICER:
        raise ValidationFailed(errors=[FieldError(pointer="/role", detail="Only officers of a company have one.")])
    role = asked.role or (Role.REPRESENTATIVE if asked.kind is Kind.OFFICER else None)
    mandate = Mandate(kind=asked.kind, principal_id=principal.id, reach=Reach.ACT, app_ids=[], role=role)
    mandate.starts_at, mandate.until_at = _dates(asked, principal, state)
    await offer_to_number(mandate, asked.phone, actor=("operator", by.id), locale=locale, state=state)
    await audit("operator", by.id, "mandate.checked", f"mandate:{mandate.id}", reason=asked.reason)
    return mandate


async def offer_to_number(
    mandate: Mandate, phone: str, *, actor: tuple[str, UUID], locale: str, state: AppState
) -> None:
    """Offer, in the principal's name, a mandate to the owner of a number; in the caller's unit of work. Problem:
    `phone_not_valid`.
    """
    number = phones.normalise(phone)
    if number is None:
        raise PhoneNotValid(errors=[FieldError(pointer="/phone", detail="A mobile number, like 138 0000 0001.")])
    mandate.state, mandate.principal_accepted_at = State.OFFERED, state["clock"]()
    await address(mandate, number, locale=locale, state=state)
    await begin(mandate, actor=actor, state=state)


def _dates(asked: OpenMandate, principal: Resident, state: AppState) -> tuple[datetime, datetime]:
    now = state["clock"]()
    if asked.kind is not Kind.PARENT:
        if asked.until is None:
            raise ValidationFailed(errors=[FieldError(pointer="/until", detail="Give the last day.")])
        return dates(None, asked.until, LONGEST[asked.kind], now=now)
    sealed = principal.birth_date_sealed
    grown = of_age(date.fromisoformat(state["keys"].open("resident.birth_date", sealed))) if sealed else now
    until_at = min(end_of(asked.until), grown) if asked.until and asked.until.year < 9999 else grown
    if until_at <= now:
        words = "Nobody is parent of who is of age; choose a day that is still to come, for a child."
        raise ValidationFailed(errors=[FieldError(pointer="/until", detail=words)])
    return now, until_at


@in_unit_of_work
async def mandates_at_counter(account_id: UUID, page: PageRequest, *, by: Operator, state: AppState) -> MandatePage:
    """Who acts for an account that was opened here, the newest first. That one looked stands in the audit. Problem:
    `not_found` for any other account.
    """
    if not await Resident.exists(id=account_id, phone_index=None):
        raise NotFound("Nobody opened an account of that id at a counter.")
    await audit("operator", by.id, "mandate.looked_up", f"resident:{account_id}")
    return await mandates_for(account_id, page, state=state)


@in_unit_of_work
async def end_by_officer(mandate_id: UUID, reason: str, *, by: Operator, state: AppState) -> None:
    """End a mandate for a reason that is told to the audit; what has ended stays ended. Problem: `not_found`."""
    mandate = await Mandate.filter(id=mandate_id).select_for_update().first()
    if mandate is None:
        raise NotFound()
    await end_of_mandate(mandate, by="operator", actor=("operator", by.id), reason=reason, state=state)

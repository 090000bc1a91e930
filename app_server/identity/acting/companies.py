"""Who acts for a company, as use cases of its legal representatives: they cannot leave it without one."""

from uuid import UUID

from app_server.identity import phones
from app_server.identity.acting.ending import end_of_mandate, hold_company, require_successor
from app_server.identity.acting.mandates import dates, require_services, spare
from app_server.identity.acting.models import Mandate
from app_server.identity.acting.opening import offer_to_number
from app_server.identity.acting.rules import LONGEST, Kind
from app_server.identity.acting.schemas import MandatePage, OfferOffice
from app_server.identity.acting.views import mandates_for
from app_server.identity.presence import Purpose, require_presence
from app_server.kernel.access import Resident
from app_server.kernel.problems import NotFound
from app_server.kernel.schemas import PageRequest
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import fetch, in_unit_of_work

_REPRESENTS = """
SELECT 1 FROM core_mandate WHERE principal_id = $1 AND agent_id = $2 AND kind = 'officer' AND role = 'representative'
  AND state = 'active' AND starts_at <= $3 AND until_at > $3
"""


async def require_representative(company_id: UUID, me: UUID, *, state: AppState) -> None:
    """Problem `not_found` for everybody but the company's legal representatives."""
    if not await fetch(_REPRESENTS, company_id, me, state["clock"]()):
        raise NotFound()


async def officers_of(company_id: UUID, me: UUID, page: PageRequest, *, state: AppState) -> MandatePage:
    """All mandates of the company, the newest first, for its legal representatives. Problem: `not_found`."""
    page.place(UUID)  # a cursor of another list is told as such to everybody
    await require_representative(company_id, me, state=state)
    return await mandates_for(company_id, page, state=state)


async def offer_office(company_id: UUID, me: Resident, asked: OfferOffice, *, locale: str, state: AppState) -> Mandate:
    """Offer an office in the company's name. Problems: `not_found`, `phone_not_valid`, `validation_failed`,
    `too_many_requests`, `insufficient_user_authentication`.
    """
    await require_representative(company_id, me.id, state=state)
    await spare(me.id, phones.normalise(asked.phone), state=state)
    return await _offer_office(company_id, me, asked, locale, state)


@in_unit_of_work
async def _offer_office(company_id: UUID, me: Resident, asked: OfferOffice, locale: str, state: AppState) -> Mandate:
    await require_representative(company_id, me.id, state=state)
    await require_presence(me.id, me.session_id, Purpose.MANDATES, state=state)
    require_services(asked.app_ids, state)
    mandate = Mandate(
        kind=Kind.OFFICER,
        principal_id=company_id,
        offered_by=company_id,
        role=asked.role,
        reach=asked.reach,
        app_ids=sorted(set(asked.app_ids)),
    )
    mandate.starts_at, mandate.until_at = dates(
        asked.starts_on, asked.until, LONGEST[Kind.OFFICER], now=state["clock"]()
    )
    await offer_to_number(mandate, asked.phone, actor=("resident", me.id), locale=locale, state=state)
    return mandate


@in_unit_of_work
async def end_office(company_id: UUID, me: UUID, mandate_id: UUID, *, state: AppState) -> None:
    """Take an office away. Problems: `not_found`, `successor_needed` for the last legal representative."""
    await require_representative(company_id, me, state=state)
    await hold_company(company_id)
    mandate = await Mandate.filter(id=mandate_id, principal_id=company_id).select_for_update().first()
    if mandate is None:
        raise NotFound()
    await require_successor(mandate)
    await end_of_mandate(mandate, by="principal", actor=("resident", me), state=state)

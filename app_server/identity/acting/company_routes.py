"""The officers of a company, for its legal representatives as themselves."""

from starlette.responses import Response

from app_server.identity.acting import companies, views
from app_server.identity.acting.problems import SuccessorNeeded
from app_server.identity.acting.schemas import MandatePage, MandateView, OfferOffice
from app_server.identity.problems import InsufficientUserAuthentication, PhoneNotValid
from app_server.kernel.access import Resident, access, actor
from app_server.kernel.idempotency import idempotent
from app_server.kernel.languages import language_of
from app_server.kernel.problems import BadCursor, NotFound, TooManyRequests
from app_server.kernel.routing import Route, delete, describe, get, post
from app_server.kernel.schemas import no_content, page_request, read, reply
from app_server.kernel.state import AppRequest


@access(Resident)
@describe(reply=MandatePage, query=("cursor", "limit"), problems=(NotFound, BadCursor))
async def list_officers(request: AppRequest) -> Response:
    """Who acts for the company, who was asked to, and who did."""
    me, company_id = actor(request, Resident), request.path_params["id"]
    return reply(await companies.officers_of(company_id, me.id, page_request(request), state=request.state))


@access(Resident)
@idempotent()
@describe(
    body=OfferOffice,
    reply=MandateView,
    status=201,
    problems=(NotFound, PhoneNotValid, TooManyRequests, InsufficientUserAuthentication),
)
async def offer_office(request: AppRequest) -> Response:
    """Offer somebody an office in the company."""
    me, company_id, asked = actor(request, Resident), request.path_params["id"], await read(request, OfferOffice)
    locale, state = language_of(request), request.state
    mandate = await companies.offer_office(company_id, me, asked, locale=locale, state=state)
    return reply(await views.mandate_of(company_id, mandate.id, state=state), status=201)


@access(Resident)
@describe(status=204, problems=(NotFound, SuccessorNeeded))
async def end_office(request: AppRequest) -> Response:
    """Take an office away; what is open under it ends within seconds."""
    me, parameters = actor(request, Resident), request.path_params
    await companies.end_office(parameters["id"], me.id, parameters["office"], state=request.state)
    return no_content()


company_routes: list[Route] = [
    get("/v1/companies/{id:uuid}/officers", list_officers),
    post("/v1/companies/{id:uuid}/officers", offer_office),
    delete("/v1/companies/{id:uuid}/officers/{office:uuid}", end_office),
]

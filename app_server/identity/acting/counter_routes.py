"""At the counter: an operator opens accounts of children, wards and companies, and mandates for them."""

from starlette.responses import Response

from app_server.identity.acting import opening
from app_server.identity.acting.problems import CompanyKnown
from app_server.identity.acting.schemas import (
    AccountOpened,
    EndMandate,
    MandateOpened,
    OpenCompany,
    OpenDependant,
    OpenMandate,
)
from app_server.identity.problems import PhoneNotValid
from app_server.kernel.access import Operator, access, actor
from app_server.kernel.idempotency import idempotent
from app_server.kernel.languages import language_of
from app_server.kernel.problems import NotFound
from app_server.kernel.routing import Route, describe, post
from app_server.kernel.schemas import no_content, read, reply
from app_server.kernel.state import AppRequest


@access(Operator)
@idempotent()
@describe(body=OpenDependant, reply=AccountOpened, status=201)
async def open_dependant(request: AppRequest) -> Response:
    """Open an account of somebody who has no phone: a child, a ward."""
    asked = await read(request, OpenDependant)
    opened = await opening.open_dependant(asked, by=actor(request, Operator), state=request.state)
    return reply(AccountOpened(id=opened), status=201)


@access(Operator)
@idempotent()
@describe(body=OpenCompany, reply=AccountOpened, status=201, problems=(CompanyKnown,))
async def open_company(request: AppRequest) -> Response:
    """Open an account of a legal person."""
    asked = await read(request, OpenCompany)
    opened = await opening.open_company(asked, by=actor(request, Operator), state=request.state)
    return reply(AccountOpened(id=opened), status=201)


@access(Operator)
@idempotent()
@describe(body=OpenMandate, reply=MandateOpened, status=201, problems=(NotFound, PhoneNotValid))
async def open_mandate(request: AppRequest) -> Response:
    """Let somebody act for an account that was opened at a counter, when they have accepted."""
    asked = await read(request, OpenMandate)
    by, locale = actor(request, Operator), language_of(request)
    mandate = await opening.open_mandate(asked, by=by, locale=locale, state=request.state)
    return reply(MandateOpened(id=mandate.id, until_at=mandate.until_at), status=201)


@access(Operator)
@describe(body=EndMandate, status=204, problems=(NotFound,))
async def end_mandate(request: AppRequest) -> Response:
    """End a mandate by a decision of the city's, with the reason."""
    asked, mandate_id = await read(request, EndMandate), request.path_params["id"]
    await opening.end_by_officer(mandate_id, asked.reason, by=actor(request, Operator), state=request.state)
    return no_content()


counter_mandate_routes: list[Route] = [
    post("/v1/operator/dependants", open_dependant),
    post("/v1/operator/companies", open_company),
    post("/v1/operator/mandates", open_mandate),
    post("/v1/operator/mandates/{id:uuid}/end", end_mandate),
]

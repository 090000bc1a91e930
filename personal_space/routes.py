"""Routes of the personal space."""

from starlette.responses import Response

from app_server.kernel.access import OnBehalf, Resident, access, actor
from app_server.kernel.problems import BadCursor
from app_server.kernel.routing import describe, get
from app_server.kernel.schemas import Page, page_request, reply
from app_server.kernel.state import AppRequest
from personal_space import service
from personal_space.schemas import Look


@access(Resident, on_behalf=OnBehalf(what="ledger"))
@describe(reply=Page[Look], query=("cursor", "limit"), problems=(BadCursor,))
async def who_saw_my_data(request: AppRequest) -> Response:
    """Who saw the resident's data, when, where, for what purpose and which fields; the latest look first."""
    page = page_request(request)
    return reply(await service.who_saw_my_data(actor(request, Resident).id, page, state=request.state))


routes = [get("/v1/ledger", who_saw_my_data)]

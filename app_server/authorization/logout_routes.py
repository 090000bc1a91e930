"""Which services heard of it when sessions of the resident's ended."""

from starlette.responses import Response

from app_server.authorization.logout_states import Logouts, logouts_of
from app_server.kernel.access import Resident, access, actor
from app_server.kernel.languages import language_of
from app_server.kernel.problems import BadCursor
from app_server.kernel.routing import Route, describe, get
from app_server.kernel.schemas import page_request, reply
from app_server.kernel.state import AppRequest


@access(Resident)
@describe(reply=Logouts, query=("cursor", "limit"), problems=(BadCursor,))
async def list_logouts(request: AppRequest) -> Response:
    """What ended of late, and which services have confirmed that they know."""
    page, language = page_request(request), language_of(request)
    return reply(await logouts_of(actor(request, Resident).id, page, language=language, state=request.state))


logout_routes: list[Route] = [get("/v1/sessions/logouts", list_logouts)]

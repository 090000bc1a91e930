"""At the counter: an operator finds a resident by their number, closes or opens the account."""

from starlette.responses import Response

from app_server.identity import counter
from app_server.identity.schemas import FindResident, ResidentAtCounter, SetStanding
from app_server.kernel.access import Operator, access, actor
from app_server.kernel.problems import Conflict, NotFound
from app_server.kernel.routing import Route, describe, post, put
from app_server.kernel.schemas import read, reply
from app_server.kernel.state import AppRequest


@access(Operator)
@describe(body=FindResident, reply=ResidentAtCounter, problems=(NotFound,))
async def find_resident(request: AppRequest) -> Response:
    """Who has this mobile number. The number stays out of the address; that one looked stands in the audit."""
    asked = await read(request, FindResident)
    return reply(await counter.find_resident(asked.phone, by=actor(request, Operator), state=request.state))


@access(Operator)
@describe(body=SetStanding, reply=ResidentAtCounter, problems=(NotFound, Conflict))
async def set_standing(request: AppRequest) -> Response:
    """Close a resident's account, open it again, or delete it for good."""
    asked, resident_id = await read(request, SetStanding), request.path_params["id"]
    found = await counter.set_standing(resident_id, asked, by=actor(request, Operator), state=request.state)
    return reply(found)


counter_routes: list[Route] = [
    post("/v1/operator/residents/search", find_resident),
    put("/v1/operator/residents/{id:uuid}/standing", set_standing),
]

"""Where the resident is signed in."""

from starlette.responses import Response

from app_server.identity import own_sessions
from app_server.identity.schemas import Rename, SessionPage, SessionView
from app_server.identity.sessions import sessions_of
from app_server.kernel.access import Resident, access, actor
from app_server.kernel.problems import BadCursor, NotFound
from app_server.kernel.routing import Route, delete, describe, get, patch
from app_server.kernel.schemas import no_content, page_request, read, reply
from app_server.kernel.state import AppRequest


@access(Resident)
@describe(reply=SessionPage, query=("cursor", "limit"), problems=(BadCursor,))
async def list_sessions(request: AppRequest) -> Response:
    """The resident's open sessions, the newest first."""
    resident, page = actor(request, Resident), page_request(request)
    return reply(
        await own_sessions.sessions_of_resident(resident.id, page, here=resident.session_id, state=request.state)
    )


@access(Resident)
@describe(body=Rename, reply=SessionView, problems=(NotFound,))
async def rename_session(request: AppRequest) -> Response:
    """Call the device of a session otherwise."""
    asked, session_id = await read(request, Rename), request.path_params["id"]
    resident, keys = actor(request, Resident), request.state["keys"]
    return reply(
        await own_sessions.rename_session(resident.id, session_id, asked.name, here=resident.session_id, keys=keys)
    )


@access(Resident)
@describe(status=204, problems=(NotFound,))
async def end_session(request: AppRequest) -> Response:
    """End a session, with its refresh tokens and the access of mini-apps that it opened."""
    resident, session_id = actor(request, Resident), request.path_params["id"]
    ended = await own_sessions.end_one(resident.id, session_id, here=resident.session_id, state=request.state)
    sessions_of(request.state).forget(ended)
    return no_content()


@access(Resident)
@describe(status=204)
async def end_other_sessions(request: AppRequest) -> Response:
    """End all sessions but this one."""
    resident = actor(request, Resident)
    ended = await own_sessions.end_all_others(resident.id, here=resident.session_id, state=request.state)
    sessions_of(request.state).forget(ended)
    return no_content()


session_routes: list[Route] = [
    get("/v1/sessions", list_sessions),
    delete("/v1/sessions/others", end_other_sessions),
    patch("/v1/sessions/{id:uuid}", rename_session),
    delete("/v1/sessions/{id:uuid}", end_session),
]

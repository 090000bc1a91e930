"""Where one is signed in, as a page of forms: it works without JavaScript. The resident's app has a page of its own."""

from uuid import UUID

from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from app_server.authorization.logout_states import logouts_of
from app_server.identity import own_sessions
from app_server.identity.schemas import Rename
from app_server.identity.sessions import sessions_of
from app_server.kernel.access import Anonymous, Resident, access, actor
from app_server.kernel.problems import NotFound
from app_server.kernel.routing import get, post
from app_server.kernel.schemas import PageRequest, page_request, read_form, validation_failed
from app_server.kernel.state import AppRequest
from app_server.pages.render import look_of, page
from app_server.pages.sign_in import PRIVATE, to_sign_in

LOGOUTS = 3  # of the last ones, on the page


@access(Resident, Anonymous)
async def sessions_page(request: AppRequest) -> Response:
    """The resident's open sessions, the newest first."""
    user = request.scope["user"]
    if not isinstance(user, Resident):
        return to_sign_in("/sessions")
    asked = page_request(request)
    found = await own_sessions.sessions_of_resident(user.id, asked, here=user.session_id, state=request.state)
    lately = PageRequest(after=None, limit=LOGOUTS)
    logouts = await logouts_of(user.id, lately, language=look_of(request).locale, state=request.state)
    return page(
        request,
        "sessions.html",
        headers=PRIVATE,
        sessions=found.items,
        following=found.next,
        logouts=[] if "cursor" in request.query_params else logouts.items,
    )


@access(Resident)
async def change_sessions(request: AppRequest) -> Response:
    """Name a session, end it, or end all others."""
    user, form, state = actor(request, Resident), await read_form(request), request.state
    act, here = form.get("act"), user.session_id
    if act == "end_others":
        sessions_of(state).forget(await own_sessions.end_all_others(user.id, here=here, state=state))
    elif act == "end":
        sessions_of(state).forget(await own_sessions.end_one(user.id, _session_id(form), here=here, state=state))
    else:
        name = _name(form)
        await own_sessions.rename_session(user.id, _session_id(form), name, here=here, keys=state["keys"])
    return RedirectResponse("/sessions", status_code=303, headers=PRIVATE)


def _session_id(form: dict[str, str]) -> UUID:
    try:
        return UUID(form.get("session_id", ""))
    except ValueError:
        raise NotFound() from None


def _name(form: dict[str, str]) -> str | None:
    try:
        return Rename.model_validate({"name": form.get("name")}).name
    except ValidationError as error:
        raise validation_failed(error) from None


session_page_routes = [get("/sessions", sessions_page), post("/sessions", change_sessions)]

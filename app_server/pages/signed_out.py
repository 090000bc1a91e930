"""Signing out by a form, and what came of it: which services have heard. It works without JavaScript."""

import asyncio
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from app_server.authorization.logout_states import LogoutView, logout_of
from app_server.identity import service
from app_server.identity.cookies import clear_session_cookie
from app_server.identity.sessions import sessions_of
from app_server.kernel.access import FRAME, Anonymous, Resident, access
from app_server.kernel.ids import uuid7
from app_server.kernel.problems import NotFound
from app_server.kernel.routing import get, post
from app_server.kernel.state import AppRequest
from app_server.pages.authorize import place_of
from app_server.pages.names import name_of, told_by
from app_server.pages.render import look_of, page
from app_server.pages.sign_in import PRIVATE, own_path, to_sign_in

OCCASION = "signed_out"
LOOKS, PAUSE = 6, 0.2  # most services answer within a second: the page waits so long before it says that one has not


@access(Resident, on_behalf=FRAME)
async def sign_out_page(request: AppRequest) -> Response:
    """The question before signing out."""
    return page(request, "sign-out.html", headers=PRIVATE, next=own_path(request.query_params.get("next", "/")))


@access(Resident, Anonymous, on_behalf=FRAME)
async def sign_out(request: AppRequest) -> Response:
    """End the session of this browser; whoever signs in next comes to `next`."""
    user, target, occasion_id = request.scope["user"], request.query_params.get("next", "/"), uuid7()
    if isinstance(user, Resident):
        ended = await service.end_session(user.own_session_id, state=request.state, occasion_id=occasion_id)
        sessions_of(request.state).forget(ended)
    if await logout_of(occasion_id, language=look_of(request).locale, state=request.state):
        response = to_signed_out(request, occasion_id, target=target)
    else:
        response = to_sign_in(target)
    clear_session_cookie(response, request)
    return response


@access(Anonymous)
async def signed_out_page(request: AppRequest) -> Response:
    """Which services have heard of a sign-out: for who signed out, by a name that nobody guesses, for half an hour."""
    told = told_by(OCCASION, request.path_params["name"], state=request.state)
    if told is None:
        raise NotFound()
    occasion_id, target, back_to = UUID(told[0]), told[1], told[2]
    language = look_of(request).locale
    view = await logout_of(occasion_id, language=language, state=request.state)
    for _ in range(LOOKS):
        if view is None or not view.begins:
            break
        await asyncio.sleep(PAUSE)
        view = await logout_of(occasion_id, language=language, state=request.state)
    return signed_out(request, view=view, target=target, back_to=back_to)


def to_signed_out(request: AppRequest, occasion_id: UUID, *, target: str = "/", back_to: str | None = None) -> Response:
    """Go on to the page of this sign-out. `target` is ours, `back_to` an address of the service that asked for it."""
    name = name_of(OCCASION, [str(occasion_id), own_path(target), back_to], state=request.state)
    return RedirectResponse(f"/signed-out/{name}", status_code=303, headers=PRIVATE)


def signed_out(
    request: AppRequest, *, view: LogoutView | None, target: str = "/", back_to: str | None = None
) -> Response:
    """Nobody is signed in here, and who has heard of it."""
    place = place_of(back_to) if back_to else None
    return page(request, "signed-out.html", headers=PRIVATE, view=view, next=target, go_to=back_to, place=place)


signed_out_routes = [
    get("/sign-out", sign_out_page),
    post("/sign-out", sign_out),
    get("/signed-out/{name}", signed_out_page),
]

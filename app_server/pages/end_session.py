"""The end-session endpoint (OpenID Connect RP-Initiated Logout 1.0): a service wishes that somebody signs out here.

The wish is checked at `/end-session`, which looks at no cookie: a form that another site posts brings none. The browser
goes on to an address that says the wish, where the resident is asked, always, and then led back if the wish is proven.
"""

from dataclasses import asdict
from urllib.parse import quote, urlencode, urlsplit

from starlette.responses import RedirectResponse, Response

from app_server.authorization import logout, requests
from app_server.authorization.logout import Wish, WishedWrong
from app_server.authorization.mistakes import note
from app_server.authorization.problems import LogoutNotAsked, LogoutOver
from app_server.authorization.views import text_of
from app_server.identity import profiles, service
from app_server.identity.cookies import clear_session_cookie, client_address
from app_server.identity.sessions import sessions_of
from app_server.kernel.access import Anonymous, Resident, access
from app_server.kernel.ids import uuid7
from app_server.kernel.languages import LANGUAGES
from app_server.kernel.routing import get, post
from app_server.kernel.schemas import read_form
from app_server.kernel.state import AppRequest
from app_server.pages.authorize import parameters, place_of
from app_server.pages.names import name_of, told_by
from app_server.pages.render import look_of, page
from app_server.pages.sign_in import PRIVATE
from app_server.pages.signed_out import signed_out, to_signed_out

WISH = "logout.wish"


@access(Anonymous)
async def end_session(request: AppRequest) -> Response:
    """A client sends a browser here, by GET or POST, when somebody signs out of it."""
    given = await parameters(request)
    await requests.spare(client_address(request), state=request.state)
    try:
        wish = logout.read(given, request.state)
    except WishedWrong as wrong:
        client_id, words = dict(given).get("client_id", ""), str(wrong)
        note(client_id, endpoint="/end-session", error="invalid_request", description=words, state=request.state)
        raise LogoutNotAsked(words) from None
    languages = dict(given).get("ui_locales", "").split()
    language = next((f"?lang={each}" for each in languages if each in LANGUAGES), "")
    name = name_of(WISH, asdict(wish), state=request.state)
    return RedirectResponse(f"/end-session/{name}{language}", status_code=303, headers=PRIVATE)


@access(Resident, Anonymous)
async def ask_page(request: AppRequest) -> Response:
    """The question, to somebody who is signed in; who is not has signed out already."""
    wish, user = _wish(request), request.scope["user"]
    if not isinstance(user, Resident):
        return _onward(request, wish) if wish.proven and wish.back_to else _signed_out(request, wish)
    profile = await profiles.profile_of(user.id, state=request.state)
    return page(
        request,
        "end-session.html",
        headers=PRIVATE,
        wish=request.path_params["wish"],
        client=_client_name(request, wish),
        who=profile.name or profile.phone_masked,
        phone=profile.phone_masked,
    )


@access(Resident, Anonymous)
async def answer(request: AppRequest) -> Response:
    """Sign out of the city on this device, or stay; then back to the service, if it has proven that it asked."""
    wish, user, form = _wish(request), request.scope["user"], await read_form(request)
    stays = form.get("answer") != "sign_out"
    if not isinstance(user, Resident):
        return RedirectResponse(request.url.path, status_code=303, headers=PRIVATE)
    if stays:
        await logout.leave(wish, user.session_id, state=request.state)
        goes = wish.proven and wish.back_to
        return _onward(request, wish, after_form=True) if goes else RedirectResponse("/", 303, headers=PRIVATE)
    occasion_id = uuid7()
    ended = await service.end_session(user.session_id, state=request.state, occasion_id=occasion_id)
    sessions_of(request.state).forget(ended)
    if wish.proven and wish.back_to:
        response = _onward(request, wish, after_form=True)
    else:
        response = to_signed_out(request, occasion_id, back_to=_target(wish) if wish.back_to else None)
    clear_session_cookie(response, request)
    return response


def _wish(request: AppRequest) -> Wish:
    told = told_by(WISH, request.path_params["wish"], state=request.state)
    if told is None:
        raise LogoutOver()
    wish = Wish(**told)
    client = request.state["ports"].clients.find(wish.client_id) if wish.client_id else None
    if wish.back_to and (client is None or wish.back_to not in client.post_logout_redirect_uris):
        raise LogoutOver()  # the client has closed, or changed its addresses, meanwhile
    return wish


def _client_name(request: AppRequest, wish: Wish) -> str | None:
    client = request.state["ports"].clients.find(wish.client_id) if wish.client_id else None
    return text_of(client.name, look_of(request).locale) if client else None


def _onward(request: AppRequest, wish: Wish, *, after_form: bool = False) -> Response:
    """Back to the client; after a form by a page, since Chromium holds `form-action` against a redirect."""
    target = _target(wish)
    if not after_form:
        return RedirectResponse(target, status_code=303, headers=PRIVATE)
    return page(
        request,
        "onward.html",
        headers=PRIVATE,
        place=place_of(target),
        go_to=target,
        post_to=None,
        members={},
    )


def _signed_out(request: AppRequest, wish: Wish) -> Response:
    """Nobody is signed in here. Where the wish is not proven, going back is the person's own decision."""
    return signed_out(request, view=None, back_to=_target(wish) if wish.back_to else None)


def _target(wish: Wish) -> str:
    back_to = wish.back_to or ""
    if wish.state is None:
        return back_to
    return back_to + ("&" if urlsplit(back_to).query else "?") + urlencode({"state": wish.state}, quote_via=quote)


end_session_routes = [
    get("/end-session", end_session),
    post("/end-session", end_session),
    get("/end-session/{wish}", ask_page),
    post("/end-session/{wish}", answer),
]

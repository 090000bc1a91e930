"""The authorization endpoint (RFC 6749 §3.1, OpenID Connect Core §3.1.2): forms and redirects, without JavaScript.

A client's question is checked and kept at `/authorize`; the browser goes on to `/authorize/{name}`, where the resident
signs in if need be, decides if there is something to decide, and is sent back. Chromium holds a form's target
(`form-action`) against every redirect that follows it, so after a form the way back is a page of its own.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.responses import RedirectResponse, Response

from app_server.authorization import requests
from app_server.authorization.asking import Asked, AskedWrong, NotProven, ResponseMode, read
from app_server.authorization.hints import hinted
from app_server.authorization.mistakes import note
from app_server.authorization.problems import AuthorizationNotAsked, AuthorizationOver
from app_server.authorization.requests import Waiting
from app_server.authorization.views import scope_view, text_of
from app_server.identity.assurance import LEVELS
from app_server.identity.cookies import client_address
from app_server.kernel.access import Anonymous, Resident, access, actor
from app_server.kernel.ports import ScopeRequest
from app_server.kernel.problems import ValidationFailed
from app_server.kernel.routing import get, post
from app_server.kernel.schemas import read_bytes, read_form
from app_server.kernel.state import AppRequest
from app_server.pages.render import look_of, page, page_headers
from app_server.pages.sign_in import PRIVATE

LARGEST_QUESTION = 16 * 1024  # bytes of a form

Answer = Mapping[str, str | None]


@access(Anonymous)
async def authorize(request: AppRequest) -> Response:
    """A client asks, by GET or POST, to know who is in front of the browser."""
    settings, given = request.state["settings"], await parameters(request)
    await requests.spare(client_address(request), state=request.state)
    try:
        hints = partial(hinted, state=request.state)
        find, issuer = request.state["ports"].clients.find, settings.base_url
        asked = await _pushed(request, given) or read(given, find, hints, issuer=issuer)[0]
    except NotProven as reason:
        _note(request, given, "invalid_request", str(reason))
        raise AuthorizationNotAsked(str(reason)) from None
    except AskedWrong as wrong:
        _note(request, given, wrong.error, wrong.description)
        answer = {"error": wrong.error, "error_description": wrong.description, "state": wrong.state}
        return _back(request, wrong.redirect_uri, wrong.mode, answer | {"iss": settings.base_url})
    name = await requests.keep(asked, state=request.state)
    language = {"lang": asked.ui_locales.split()[0]} if asked.ui_locales else {}
    return _go(f"/authorize/{name}{'?' + urlencode(language) if language else ''}")


@access(Resident, Anonymous)
async def decide_page(request: AppRequest) -> Response:
    """What comes next for a request: signing in, deciding, or going back to the client."""
    waiting, user = await _waiting(request), request.scope["user"]
    silent = "none" in waiting.asked.prompt
    if not isinstance(user, Resident) or not await requests.signed_in_since(user.session_id, waiting):
        if silent:
            return await _refuse(request, waiting, "login_required", "nobody is signed in here, or not freshly enough")
        return _to_sign_in(waiting, again=isinstance(user, Resident))
    if not requests.meant(user.id, waiting, state=request.state):
        return await _not_meant(request, waiting, user)
    if not await requests.is_strong_enough(user.session_id, waiting):
        return await _too_weak(request, waiting, user)
    scopes = await requests.to_ask(user.id, waiting)
    if scopes and silent:
        return await _refuse(request, waiting, "consent_required", "the resident has not allowed all of the scopes")
    if not scopes:
        return await _grant(request, waiting, user)
    return _show(request, waiting, scopes)


@access(Resident)
async def decide(request: AppRequest) -> Response:
    """Allow what is ticked, and everything that is needed; or nothing."""
    form, user = await read_form(request), actor(request, Resident)
    waiting = await _waiting(request)
    if not await requests.signed_in_since(user.session_id, waiting):
        return _to_sign_in(waiting, again=True)
    if not requests.meant(user.id, waiting, state=request.state):
        return await _not_meant(request, waiting, user)
    if not await requests.is_strong_enough(user.session_id, waiting):
        return await _too_weak(request, waiting, user)
    if form.get("answer") != "allow":
        return await _refuse(request, waiting, "access_denied", "the resident does not want this", after_form=True)
    scopes = await requests.to_ask(user.id, waiting)
    if scopes and form.get("shown") != requests.fingerprint(scopes):  # the client asks for something else by now
        return _show(request, waiting, scopes)
    allowed = [asked.scope for asked in scopes if asked.required or f"scope:{asked.scope}" in form]
    refused = [asked.scope for asked in scopes if asked.scope not in allowed]
    return await _grant(request, waiting, user, allowed=allowed, refused=refused, after_form=True)


async def _not_meant(request: AppRequest, waiting: Waiting, user: Resident) -> Response:
    """Another account may be what the client asks for: let the person try once."""
    if "none" not in waiting.asked.prompt and not await requests.opened_for(user.session_id, waiting):
        return _to_sign_in(waiting, again=True)
    words = "another person is signed in here than the one whom you ask about"
    return await _refuse(request, waiting, "login_required", words, after_form=request.method == "POST")


async def _too_weak(request: AppRequest, waiting: Waiting, user: Resident) -> Response:
    """The client asks for something else than this sign-in proved (`acr_values`, an essential `acr`): let them sign in
    so, once (OpenID Connect Core Unmet Authentication Requirements §2).
    """
    after_form = request.method == "POST"
    reachable = await requests.could_be_strong_enough(user.id, waiting)
    if reachable and "none" in waiting.asked.prompt:
        words = "the resident has to sign in in another way than this"
        return await _refuse(request, waiting, "login_required", words, after_form=after_form)
    if reachable and not await requests.opened_for(user.session_id, waiting):
        return _to_sign_in(waiting, again=True)
    words = "the resident did not sign in as acr_values or claims ask"
    return await _refuse(request, waiting, "unmet_authentication_requirements", words, after_form=after_form)


def _show(request: AppRequest, waiting: Waiting, scopes: Sequence[ScopeRequest]) -> Response:
    locale = look_of(request).locale
    return page(
        request,
        "authorize.html",
        headers=PRIVATE,
        request_name=waiting.name,
        client=text_of(waiting.client.name, locale),
        home=place_of(waiting.asked.redirect_uri),
        shown=requests.fingerprint(scopes),
        scopes=[scope_view(scope, locale) for scope in scopes],
    )


def _note(request: AppRequest, given: Sequence[tuple[str, str]], error: str, description: str) -> None:
    client_id = dict(given).get("client_id", "")
    note(client_id, endpoint="/authorize", error=error, description=description, state=request.state)


async def _pushed(request: AppRequest, given: Sequence[tuple[str, str]]) -> Asked | None:
    """The request that the client sent before (RFC 9126 §4); None when it sends it now."""
    named = dict(given)
    if not named.get("request_uri", "").startswith(requests.PUSHED):
        return None
    asked = await requests.pushed(named["request_uri"], named.get("client_id", ""), state=request.state)
    if asked is None:
        raise NotProven("the request_uri was used before, is too old, or is of another client")
    return asked


async def parameters(request: AppRequest) -> Sequence[tuple[str, str]]:
    """What stands in the query of a GET or the form of a POST. Raises `validation_failed`."""
    raw = request.scope["query_string"] if request.method == "GET" else await read_bytes(request, most=LARGEST_QUESTION)
    try:
        return parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=50, errors="strict")
    except ValueError:
        raise ValidationFailed("The parameters are not URL-encoded UTF-8 text.") from None


async def _waiting(request: AppRequest) -> Waiting:
    waiting = await requests.waiting(request.path_params["name"], state=request.state)
    if waiting is None:
        raise AuthorizationOver()
    return waiting


async def _grant(
    request: AppRequest,
    waiting: Waiting,
    user: Resident,
    *,
    allowed: Sequence[str] = (),
    refused: Sequence[str] = (),
    after_form: bool = False,
) -> Response:
    code = await requests.grant(
        waiting,
        allowed=allowed,
        refused=refused,
        resident_id=user.id,
        session_id=user.session_id,
        state=request.state,
    )
    if code is None:
        raise AuthorizationOver()
    return _answer(request, waiting, {"code": code}, after_form=after_form)


async def _refuse(
    request: AppRequest, waiting: Waiting, error: str, description: str, *, after_form: bool = False
) -> Response:
    if not await requests.use_up(waiting, state=request.state):
        raise AuthorizationOver()
    return _answer(request, waiting, {"error": error, "error_description": description}, after_form=after_form)


def _answer(request: AppRequest, waiting: Waiting, answer: Answer, *, after_form: bool) -> Response:
    asked, issuer = waiting.asked, request.state["settings"].base_url  # iss: RFC 9207
    whole = {**answer, "state": asked.state, "iss": issuer}
    after_form = after_form or "onward" in request.query_params
    return _back(request, asked.redirect_uri, asked.response_mode, whole, after_form=after_form)


def _back(
    request: AppRequest, redirect_uri: str, mode: ResponseMode, answer: Answer, *, after_form: bool = False
) -> Response:
    """Send the answer to the client; members that are None are left out."""
    told = {name: value for name, value in answer.items() if value is not None}
    target = redirect_uri + ("&" if urlsplit(redirect_uri).query else "?") + urlencode(told, quote_via=quote)
    if mode is ResponseMode.QUERY and not after_form:
        return _go(target)
    posts = mode is ResponseMode.FORM_POST
    policy = {"content-security-policy": _policy_of_a_way_back(request)} if posts else {}
    return page(
        request,
        "onward.html",
        headers={**PRIVATE, **policy},
        place=place_of(redirect_uri),
        go_to=None if posts else target,
        post_to=redirect_uri if posts else None,
        members=told,
    )


def _policy_of_a_way_back(request: AppRequest) -> str:
    """A page's policy, but its form, the only one, may go anywhere: a client often redirects people further."""
    return page_headers(request.state["settings"])["content-security-policy"].replace("; form-action 'self'", "")


def _to_sign_in(waiting: Waiting, *, again: bool) -> Response:
    """Sign in, then come back by a page of its own."""
    onward = {"next": f"/authorize/{waiting.name}?onward"}
    if again:
        onward["again"] = ""
    level = min((LEVELS[acr] for acr in waiting.asked.acr), default=0)
    if level > 1:
        onward["level"] = str(level)
    return _go(f"/sign-in?{urlencode(onward)}")


def place_of(redirect_uri: str) -> str:
    """Where an address leads, as a person reads it."""
    parts = urlsplit(redirect_uri)
    return parts.netloc or parts.scheme


def _go(target: str) -> Response:
    return RedirectResponse(target, status_code=303, headers=PRIVATE)


authorize_routes = [
    get("/authorize", authorize),
    post("/authorize", authorize),
    get("/authorize/{name}", decide_page),
    post("/authorize/{name}", decide),
]

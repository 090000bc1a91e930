"""The resident's ways to prove who they are, as a page of forms: it works without JavaScript, except for passkeys."""

import base64
import unicodedata
from typing import Any

from starlette.responses import RedirectResponse, Response

from app_server.identity.factors import authenticator_app, overview, passwords, recovery_codes
from app_server.identity.factors.problems import (
    AuthenticatorAppAlreadyOn,
    PasswordNotValid,
    PasswordTooCommon,
    SecondCodeNotAccepted,
)
from app_server.identity.phone_changes import undoing
from app_server.identity.presence import Purpose
from app_server.identity.problems import InsufficientUserAuthentication, NumberTaken
from app_server.identity.recovery import officers
from app_server.identity.sessions import sessions_of
from app_server.kernel.access import Anonymous, Resident, access, actor
from app_server.kernel.drawing import svg
from app_server.kernel.problems import NotFound, Problem, TemporarilyUnavailable, TooManyRequests
from app_server.kernel.routing import get, post
from app_server.kernel.schemas import read_form
from app_server.kernel.state import AppRequest
from app_server.pages.messages import messages
from app_server.pages.presence import to_presence
from app_server.pages.render import look_of, page
from app_server.pages.sign_in import PRIVATE, to_sign_in

DONE = (
    "password_set",
    "password_removed",
    "app_on",
    "app_off",
    "recovery_cancelled",
    "number_changed",
    "number_restored",
)
_TOLD = (  # on the page itself
    *(PasswordNotValid, PasswordTooCommon, AuthenticatorAppAlreadyOn),
    *(NotFound, NumberTaken, TooManyRequests, TemporarilyUnavailable),
)


@access(Resident, Anonymous)
async def security_page(request: AppRequest) -> Response:
    """All ways to prove who one is, each with what can be done about it."""
    user = request.scope["user"]
    if not isinstance(user, Resident):
        return to_sign_in("/security")
    done = request.query_params.get("done")
    return await _show(request, user, done=done if done in DONE else None)


@access(Resident, Anonymous)
async def app_page(request: AppRequest) -> Response:
    """The secret for an authenticator app as a QR code, and the field that confirms it."""
    user = request.scope["user"]
    if not isinstance(user, Resident):
        return to_sign_in("/security")
    return await _show_app(request, user)


@access(Resident)
async def change_security(request: AppRequest) -> Response:
    """Set or remove what the form says."""
    user, form = actor(request, Resident), await read_form(request)
    try:
        return await _act(request, user, form)
    except SecondCodeNotAccepted as problem:
        return await _show_app(request, user, problem)
    except InsufficientUserAuthentication as problem:
        return to_presence(Purpose(str(problem.members["purpose"])), "/security")
    except _TOLD as problem:
        return await _show(request, user, problem=problem)


async def _act(request: AppRequest, user: Resident, form: dict[str, str]) -> Response:
    state, here, act = request.state, user.session_id, form.get("act")
    if act == "app_begin":
        await authenticator_app.set_up(user.id, here=here, locale=look_of(request).locale, state=state)
        return _go("/security/app")
    if act == "app_confirm":
        digits = "".join(unicodedata.normalize("NFKC", form.get("code", "")[:20]).split())
        await authenticator_app.confirm(user.id, digits, here=here, state=state)
        return _go("/security?done=app_on")
    if act == "cancel_recovery":
        await officers.cancel_own(user.id, state=state)
        return _go("/security?done=recovery_cancelled")
    if act == "make_codes":
        codes, ended = await recovery_codes.make(user.id, here=here, state=state)
        sessions_of(state).forget(ended)
        return page(request, "security-codes.html", headers=PRIVATE, codes=codes)
    if act == "undo_number":
        ended, done = await undoing.undo(user.id, here=here, state=state), "number_restored"
    elif act == "app_off":
        ended, done = await authenticator_app.turn_off(user.id, here=here, state=state), "app_off"
    elif act == "set_password":
        password = form.get("password", "")[:512]
        ended, done = await passwords.set_password(user.id, password, here=here, state=state), "password_set"
    elif act == "remove_password":
        ended, done = await passwords.remove_password(user.id, here=here, state=state), "password_removed"
    else:
        raise NotFound()
    sessions_of(state).forget(ended)
    return _go(f"/security?done={done}")


async def _show(
    request: AppRequest, user: Resident, *, done: str | None = None, problem: Problem | None = None
) -> Response:
    factors = await overview.factors_of(user.id, state=request.state)
    recovery = await officers.own_recovery(user.id)
    number = await undoing.latest_change(user.id, state=request.state)
    return _page(request, "security.html", problem, factors=factors, recovery=recovery, number=number, done=done)


async def _show_app(request: AppRequest, user: Resident, problem: Problem | None = None) -> Response:
    made = await authenticator_app.waiting(user.id, locale=look_of(request).locale, state=request.state)
    if made is None:
        return _go("/security")
    picture = base64.b64encode(svg(made.address)).decode()
    return _page(request, "security-app.html", problem, secret=made.secret, picture=picture)


def _page(request: AppRequest, template: str, problem: Problem | None, **context: Any) -> Response:
    words = messages(look_of(request).locale)
    error = words.problem(problem.code, problem.title(), **problem.members) if problem else None
    status = problem.status if problem else 200
    headers = {**PRIVATE, **(problem.headers if problem else {})}
    return page(request, template, status=status, headers=headers, error=error, **context)


def _go(target: str) -> Response:
    return RedirectResponse(target, status_code=303, headers=PRIVATE)


security_routes = [
    get("/security", security_page),
    get("/security/app", app_page),
    post("/security", change_security),
]

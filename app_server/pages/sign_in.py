"""Sign-in and sign-out as forms: they work without JavaScript."""

from typing import Any
from urllib.parse import quote
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from app_server.identity import phone_codes, profiles
from app_server.identity.cookies import client_address, device_of, set_cookies, visit_of
from app_server.identity.devices import Visit
from app_server.identity.factors.problems import SecondStepRequired
from app_server.identity.phones import mask
from app_server.identity.problems import CLOSED, ChallengeOver, CodeNotAccepted, NumberOnHold, PhoneNotValid
from app_server.identity.service import OpenedSession
from app_server.kernel.access import Anonymous, Resident, access
from app_server.kernel.authentication import require_same_origin
from app_server.kernel.problems import Problem, TemporarilyUnavailable, TooManyRequests
from app_server.kernel.redis import RedisUnavailable
from app_server.kernel.routing import get, post
from app_server.kernel.schemas import read_form
from app_server.kernel.state import AppRequest
from app_server.pages.messages import messages
from app_server.pages.render import Look, look_of, page, remember

PRIVATE = {"cache-control": "no-store"}


def own_path(text: str) -> str:
    """The path if it leads to a page of ours, else Home: a sign-in never sends anybody to another site."""
    if not text.startswith("/") or text[1:2] in ("/", "\\") or any(ord(character) < 33 for character in text):
        return "/"
    return text


def to_sign_in(path: str) -> Response:
    """Sign in first, then come back to `path`."""
    return RedirectResponse(f"/sign-in?next={quote(own_path(path), safe='')}", status_code=303, headers=PRIVATE)


@access(Resident, Anonymous)
async def sign_in_page(request: AppRequest) -> Response:
    """Where a person gives their phone number; with `again`, also somebody who is signed in."""
    target = own_path(request.query_params.get("next", "/"))
    if isinstance(request.scope["user"], Resident) and "again" not in request.query_params:
        return RedirectResponse(target, status_code=303, headers=PRIVATE)
    level = request.query_params.get("level", "")
    return _form(request, target, challenge="", phone="", problem=None, level=level if level in ("2", "3") else "")


@access(Anonymous)
async def sign_in(request: AppRequest) -> Response:
    """Take the number and send a code, or take the code and open the session."""
    require_same_origin(request)
    form = await read_form(request)
    if form.get("step") == "code":
        return await _take_code(request, form)
    return await _take_number(request, form)


async def _take_number(request: AppRequest, form: dict[str, str]) -> Response:
    phone, target = form.get("phone", "")[:40], own_path(form.get("next", "/"))
    try:
        challenge_id = await phone_codes.request_challenge(
            phone,
            locale=look_of(request).locale,
            address=client_address(request),
            device=device_of(request),
            state=request.state,
        )
    except PhoneNotValid as problem:
        return ask_number(request, target, phone=phone, problem=problem)
    except (TooManyRequests, TemporarilyUnavailable, RedisUnavailable) as failure:
        sent = form.get("challenge_id", "")[:40]  # no further code goes out, but the one sent before is still good
        told = failure if isinstance(failure, Problem) else TemporarilyUnavailable()
        return _form(request, target, challenge=sent, phone=phone, problem=told)
    return ask_code(request, str(challenge_id), phone, target)


async def _take_code(request: AppRequest, form: dict[str, str]) -> Response:
    phone, target = form.get("phone", "")[:40], own_path(form.get("next", "/"))
    code, challenge = form.get("code", ""), form.get("challenge_id", "")
    try:
        challenge_id = UUID(challenge)
    except ValueError:
        return ask_number(request, target, phone=phone, problem=ChallengeOver())
    visit = visit_of(request)
    try:
        opened = await phone_codes.open_session(challenge_id, code[:20], visit=visit, state=request.state)
    except CodeNotAccepted as problem:
        return ask_code(request, challenge, phone, target, problem=problem)
    except (ChallengeOver, NumberOnHold, *CLOSED) as problem:
        return ask_number(request, target, phone=phone, problem=problem)
    except SecondStepRequired as required:
        return ask_second(request, str(required.members["step"]), target)
    return await let_in(request, opened, visit, target)


async def let_in(request: AppRequest, opened: OpenedSession, visit: Visit, target: str) -> Response:
    """Signed in: on to where the person wanted to go, in the look that is theirs."""
    profile = await profiles.profile_of(opened.resident_id, state=request.state)
    response = RedirectResponse(target, status_code=303, headers=PRIVATE)
    await set_cookies(response, opened, visit, request)
    look = Look(locale=profile.locale, theme=profile.theme, elder=profile.elder_mode)
    remember(response, look, request.state["settings"])
    return response


def ask_number(request: AppRequest, target: str, *, phone: str = "", problem: Problem | None = None) -> Response:
    """The first page of signing in."""
    return _form(request, target, challenge="", phone=phone, problem=problem)


def ask_code(
    request: AppRequest, challenge: str, phone: str, target: str, *, step: str = "", problem: Problem | None = None
) -> Response:
    """The page for a code that was sent; with `step`, a recovery code does in its place."""
    return _form(request, target, challenge=challenge, phone=phone, step=step, problem=problem)


def ask_second(
    request: AppRequest, step: str, target: str, *, by_app: bool = True, problem: Problem | None = None
) -> Response:
    """The page for the second step: a code of the app or a recovery code, or the latter alone."""
    return door(request, "sign-in-second.html", target, problem, step=step, by_app=by_app)


def door(request: AppRequest, template: str, target: str, problem: Problem | None, **context: Any) -> Response:
    """A page of signing in, with what went wrong before."""
    words = messages(look_of(request).locale)
    return page(
        request,
        template,
        status=problem.status if problem else 200,
        headers={**PRIVATE, **(problem.headers if problem else {})},
        next=target,
        error=words.problem(problem.code, problem.title(), **problem.members) if problem else None,
        **context,
    )


def _form(
    request: AppRequest,
    target: str,
    *,
    challenge: str,
    phone: str,
    step: str = "",
    level: str = "",
    problem: Problem | None,
) -> Response:
    return door(
        request,
        "sign-in.html",
        target,
        problem,
        challenge=challenge,
        step=step,
        level=level,
        phone=phone,
        phone_shown=mask("".join(phone.split())),
        resend_after=int(phone_codes.RESEND_AFTER.total_seconds()),
        mistyped=isinstance(problem, PhoneNotValid | CodeNotAccepted),
    )


sign_in_routes = [
    get("/sign-in", sign_in_page),
    post("/sign-in", sign_in),
]

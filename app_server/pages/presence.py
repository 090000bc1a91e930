"""The page that asks somebody who is signed in to show that it is they, and goes on where they were."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from app_server.identity import proving
from app_server.identity.cookies import client_address, device_of
from app_server.identity.factors.overview import factors_of
from app_server.identity.factors.problems import SecondCodeNotAccepted
from app_server.identity.presence import Purpose
from app_server.identity.problems import ChallengeOver, CodeNotAccepted
from app_server.kernel.access import Anonymous, Resident, access, actor
from app_server.kernel.problems import NotFound, Problem, TooManyRequests
from app_server.kernel.routing import get, post
from app_server.kernel.schemas import read_form
from app_server.kernel.state import AppRequest
from app_server.pages.messages import messages
from app_server.pages.render import look_of, page
from app_server.pages.sign_in import PRIVATE, own_path, to_sign_in


def to_presence(purpose: Purpose, path: str) -> Response:
    """Show first that it is you, then come back to `path`."""
    asked = urlencode({"purpose": purpose.value, "next": path})
    return RedirectResponse(f"/presence?{asked}", status_code=303, headers=PRIVATE)


@access(Resident, Anonymous)
async def presence_page(request: AppRequest) -> Response:
    """The strongest way at hand first."""
    user = request.scope["user"]
    purpose, target = _purpose(dict(request.query_params)), own_path(request.query_params.get("next", "/"))
    if not isinstance(user, Resident):
        return to_sign_in(target)
    return await _show(request, user, purpose, target)


@access(Resident)
async def show_presence(request: AppRequest) -> Response:
    """Send a code, or take one."""
    user, form = actor(request, Resident), await read_form(request)
    purpose, target, challenge = _purpose(form), own_path(form.get("next", "/")), form.get("challenge_id", "")
    try:
        if form.get("act") == "send":
            challenge = str(await _send(request, user))
            return await _show(request, user, purpose, target, challenge=challenge)
        code, who = form.get("code", "")[:40], (user.id, user.session_id, purpose)
        if challenge:
            await proving.by_phone(*who, _uuid(challenge), code, state=request.state)
        else:
            await proving.by_code(*who, code, state=request.state)
    except (CodeNotAccepted, SecondCodeNotAccepted, TooManyRequests) as problem:
        return await _show(request, user, purpose, target, challenge=challenge, problem=problem)
    except ChallengeOver as problem:
        return await _show(request, user, purpose, target, problem=problem)
    return RedirectResponse(target, status_code=303, headers=PRIVATE)


async def _send(request: AppRequest, user: Resident) -> UUID:
    return await proving.send_code(
        user.id,
        user.session_id,
        locale=look_of(request).locale,
        address=client_address(request),
        device=device_of(request),
        state=request.state,
    )


async def _show(
    request: AppRequest,
    user: Resident,
    purpose: Purpose,
    target: str,
    *,
    challenge: str = "",
    problem: Problem | None = None,
) -> Response:
    words, factors = messages(look_of(request).locale), await factors_of(user.id, state=request.state)
    error = words.problem(problem.code, problem.title(), **problem.members) if problem else None
    return page(
        request,
        "presence.html",
        status=problem.status if problem else 200,
        headers={**PRIVATE, **(problem.headers if problem else {})},
        error=error,
        purpose=purpose.value,
        next=target,
        challenge=challenge,
        by_app=factors.authenticator_app_since is not None,
        codes=factors.recovery_codes_left,
        passkeys=factors.passkeys,
        phone_shown=factors.phone_masked,
    )


def _purpose(given: dict[str, Any]) -> Purpose:
    try:
        return Purpose(given.get("purpose", ""))
    except ValueError:
        raise NotFound() from None


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ChallengeOver() from None


presence_page_routes = [get("/presence", presence_page), post("/presence", show_presence)]

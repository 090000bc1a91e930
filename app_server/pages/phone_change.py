"""Changing one's mobile number, and undoing that by the link of the text message, as forms without JavaScript."""

from uuid import UUID

from starlette.responses import RedirectResponse, Response

from app_server.identity.cookies import client_address, device_of
from app_server.identity.factors.overview import factors_of
from app_server.identity.phone_changes import changing, undoing
from app_server.identity.phone_changes.problems import NumberChangedLately, NumberUnchanged
from app_server.identity.presence import Purpose, is_present
from app_server.identity.problems import (
    CLOSED,
    ChallengeOver,
    CodeNotAccepted,
    InsufficientUserAuthentication,
    NumberOnHold,
    NumberTaken,
    PhoneNotValid,
)
from app_server.identity.sessions import sessions_of
from app_server.kernel.access import Anonymous, Resident, access, actor
from app_server.kernel.authentication import require_same_origin
from app_server.kernel.problems import Problem, TemporarilyUnavailable, TooManyRequests
from app_server.kernel.redis import RedisUnavailable
from app_server.kernel.routing import get, post
from app_server.kernel.schemas import read_form
from app_server.kernel.state import AppRequest
from app_server.pages.messages import messages
from app_server.pages.presence import to_presence
from app_server.pages.render import look_of, page
from app_server.pages.sign_in import PRIVATE, door, to_sign_in

HERE = "/security/phone"
_TOLD = (
    *(PhoneNotValid, NumberUnchanged, NumberChangedLately, NumberTaken, NumberOnHold, ChallengeOver),
    *(TooManyRequests, TemporarilyUnavailable, *CLOSED),
)


@access(Resident, Anonymous)
async def phone_page(request: AppRequest) -> Response:
    """Where the new number goes, for who has shown that it is they."""
    user = request.scope["user"]
    if not isinstance(user, Resident):
        return to_sign_in(HERE)
    if not await is_present(user.id, user.session_id, Purpose.NUMBER, state=request.state):
        return to_presence(Purpose.NUMBER, HERE)
    return await _show(request, user)


@access(Resident)
async def change_phone(request: AppRequest) -> Response:
    """Take the new number and send a code there, or take that one and change the number."""
    user, form = actor(request, Resident), await read_form(request)
    phone, challenge = form.get("phone", "")[:40], form.get("challenge_id", "")[:40]
    try:
        if form.get("act") == "send":
            sent = await changing.begin(
                user.id,
                user.session_id,
                phone,
                locale=look_of(request).locale,
                address=client_address(request),
                device=device_of(request),
                state=request.state,
            )
            return await _show(request, user, phone=phone, challenge=str(sent))
        code, here = form.get("code", "")[:20], user.session_id
        ended = await changing.confirm(user.id, here, _uuid(challenge), code, state=request.state)
    except InsufficientUserAuthentication:
        return to_presence(Purpose.NUMBER, HERE)
    except CodeNotAccepted as problem:
        return await _show(request, user, phone=phone, challenge=challenge, problem=problem)
    except RedisUnavailable:
        return await _show(request, user, phone=phone, problem=TemporarilyUnavailable())
    except _TOLD as problem:  # where no further code goes out, the one sent before is still good
        still = challenge if isinstance(problem, TooManyRequests | TemporarilyUnavailable) else ""
        return await _show(request, user, phone=phone, challenge=still, problem=problem)
    sessions_of(request.state).forget(ended)
    return RedirectResponse("/security?done=number_changed", status_code=303, headers=PRIVATE)


async def _show(
    request: AppRequest, user: Resident, *, phone: str = "", challenge: str = "", problem: Problem | None = None
) -> Response:
    words = messages(look_of(request).locale)
    factors = await factors_of(user.id, state=request.state)
    return page(
        request,
        "security-phone.html",
        status=problem.status if problem else 200,
        headers={**PRIVATE, **(problem.headers if problem else {})},
        error=words.problem(problem.code, problem.title(), **problem.members) if problem else None,
        phone_now=factors.phone_masked,
        phone=phone,
        challenge=challenge,
        hours=request.state["settings"].recovery_hours,
    )


@access(Anonymous)
async def undo_page(request: AppRequest) -> Response:
    """The link of the text message: a question first, for programs that look at links press no buttons."""
    return door(request, "phone-change-undo.html", "/", None, name=request.path_params["name"], done=None)


@access(Anonymous)
async def undo(request: AppRequest) -> Response:
    """Bring the old number back."""
    require_same_origin(request)
    try:
        ended = await undoing.undo_by_link(request.path_params["name"], state=request.state)
    except NumberTaken:
        ended = None
    sessions_of(request.state).forget(ended or [])
    return door(request, "phone-change-undo.html", "/", None, name="", done=ended is not None)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ChallengeOver() from None


phone_change_page_routes = [
    get(HERE, phone_page),
    post(HERE, change_phone),
    get("/phone-changes/{name}", undo_page),
    post("/phone-changes/{name}", undo),
]

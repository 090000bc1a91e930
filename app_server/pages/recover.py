"""Taking an account back with the code of a counter, and saying no to it, as forms: they work without JavaScript."""

from uuid import UUID

from starlette.responses import Response

from app_server.identity.cookies import client_address, device_of, visit_of
from app_server.identity.problems import (
    CLOSED,
    ChallengeOver,
    CodeNotAccepted,
    NumberOnHold,
    NumberTaken,
    PhoneNotValid,
)
from app_server.identity.recovery import completing, officers
from app_server.identity.recovery.problems import RecoveryNotGood, RecoveryNotReady
from app_server.identity.sessions import sessions_of
from app_server.kernel.access import Anonymous, access
from app_server.kernel.authentication import require_same_origin
from app_server.kernel.problems import Problem, TemporarilyUnavailable, TooManyRequests
from app_server.kernel.redis import RedisUnavailable
from app_server.kernel.routing import get, post
from app_server.kernel.schemas import read_form
from app_server.kernel.state import AppRequest
from app_server.pages.render import look_of
from app_server.pages.sign_in import door, let_in

_TOLD = (
    *(PhoneNotValid, RecoveryNotGood, RecoveryNotReady, NumberTaken, NumberOnHold, CodeNotAccepted, ChallengeOver),
    *(TooManyRequests, TemporarilyUnavailable, *CLOSED),
)


@access(Anonymous)
async def recover_page(request: AppRequest) -> Response:
    """What to do with nothing left, and where the code of the counter goes."""
    return _form(request)


@access(Anonymous)
async def recover(request: AppRequest) -> Response:
    """Take the code and the new number and send a code there, or take that one and open the account."""
    require_same_origin(request)
    form = await read_form(request)
    code, phone, challenge = form.get("code", "")[:40], form.get("phone", "")[:40], form.get("challenge_id", "")
    try:
        if not challenge:
            sent = await completing.begin(
                code,
                phone,
                locale=look_of(request).locale,
                address=client_address(request),
                device=device_of(request),
                state=request.state,
            )
            return _form(request, code=code, phone=phone, challenge=str(sent))
        visit, phone_code = visit_of(request), form.get("phone_code", "")[:20]
        opened, ended = await completing.complete(code, _uuid(challenge), phone_code, visit=visit, state=request.state)
    except RedisUnavailable:
        return _form(request, code=code, phone=phone, problem=TemporarilyUnavailable())
    except _TOLD as problem:
        again = challenge if isinstance(problem, CodeNotAccepted) else ""
        return _form(request, code=code, phone=phone, challenge=again, problem=problem)
    sessions_of(request.state).forget(ended)
    return await let_in(request, opened, visit, "/security")


@access(Anonymous)
async def cancel_page(request: AppRequest) -> Response:
    """The link of the text message: a question first, for programs that look at links press no buttons."""
    return door(request, "recover-cancel.html", "/", None, name=request.path_params["name"], done=None)


@access(Anonymous)
async def cancel(request: AppRequest) -> Response:
    """Say no to a recovery."""
    require_same_origin(request)
    done = await officers.cancel_by_link(request.path_params["name"], state=request.state)
    return door(request, "recover-cancel.html", "/", None, name="", done=done)


def _form(
    request: AppRequest, *, code: str = "", phone: str = "", challenge: str = "", problem: Problem | None = None
) -> Response:
    return door(request, "recover.html", "/", problem, code=code, phone=phone, challenge=challenge)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ChallengeOver() from None


recover_routes = [
    get("/recover", recover_page),
    post("/recover", recover),
    get("/recover/cancel/{name}", cancel_page),
    post("/recover/cancel/{name}", cancel),
]

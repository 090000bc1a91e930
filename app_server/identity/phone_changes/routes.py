"""A resident's number: changed with a code to the new one, and undone."""

from starlette.responses import Response

from app_server.identity.cookies import client_address, device_of
from app_server.identity.phone_changes import changing, undoing
from app_server.identity.phone_changes.problems import NumberChangedLately, NumberUnchanged
from app_server.identity.phone_changes.schemas import BeginPhoneChange, ConfirmPhoneChange, LatestPhoneChange
from app_server.identity.problems import (
    CLOSED,
    ChallengeOver,
    CodeNotAccepted,
    InsufficientUserAuthentication,
    NumberOnHold,
    NumberTaken,
    PhoneNotValid,
)
from app_server.identity.routes import code_sent
from app_server.identity.schemas import ChallengeSent
from app_server.identity.sessions import sessions_of
from app_server.kernel.access import Resident, access, actor
from app_server.kernel.languages import language_of
from app_server.kernel.problems import NotFound, TooManyRequests
from app_server.kernel.routing import Route, delete, describe, get, post
from app_server.kernel.schemas import no_content, read, reply
from app_server.kernel.state import AppRequest


@access(Resident)
@describe(
    body=BeginPhoneChange,
    reply=ChallengeSent,
    status=202,
    problems=(
        *(PhoneNotValid, InsufficientUserAuthentication, NumberUnchanged),
        *(NumberChangedLately, TooManyRequests),
    ),
)
async def begin_change(request: AppRequest) -> Response:
    """Have a code sent to the number that the account shall have."""
    asked, resident = await read(request, BeginPhoneChange), actor(request, Resident)
    challenge_id = await changing.begin(
        resident.id,
        resident.session_id,
        asked.phone,
        locale=language_of(request),
        address=client_address(request),
        device=device_of(request),
        state=request.state,
    )
    return code_sent(challenge_id)


@access(Resident)
@describe(
    body=ConfirmPhoneChange,
    status=204,
    problems=(
        *(CodeNotAccepted, ChallengeOver, NumberTaken, NumberOnHold),
        *(NumberUnchanged, NumberChangedLately, *CLOSED),
    ),
)
async def confirm_change(request: AppRequest) -> Response:
    """The account has the new number. The old one is told; sessions that it opened end, except this one."""
    asked, resident = await read(request, ConfirmPhoneChange), actor(request, Resident)
    ended = await changing.confirm(
        resident.id, resident.session_id, asked.challenge_id, asked.code, state=request.state
    )
    sessions_of(request.state).forget(ended)
    return no_content()


@access(Resident)
@describe(reply=LatestPhoneChange)
async def my_change(request: AppRequest) -> Response:
    """The change of one's number that can still be undone."""
    return reply(await undoing.latest_change(actor(request, Resident).id, state=request.state))


@access(Resident)
@describe(status=204, problems=(NotFound, NumberTaken))
async def undo_mine(request: AppRequest) -> Response:
    """Bring the old number back. It asks for no proof: whoever is signed in here may need to be quick."""
    resident = actor(request, Resident)
    sessions_of(request.state).forget(await undoing.undo(resident.id, here=resident.session_id, state=request.state))
    return no_content()


phone_change_routes: list[Route] = [
    post("/v1/me/phone-changes", begin_change),
    post("/v1/me/phone-changes/confirmation", confirm_change),
    get("/v1/me/phone-changes/latest", my_change),
    delete("/v1/me/phone-changes/latest", undo_mine),
]

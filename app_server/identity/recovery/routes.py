"""Recoveries: officers open and approve them, owners cancel them, residents complete them."""

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
from app_server.identity.recovery.problems import (
    RecoveryNeedsAnother,
    RecoveryNotGood,
    RecoveryNotReady,
)
from app_server.identity.recovery.schemas import (
    BeginRecovery,
    CompleteRecovery,
    OpenedRecovery,
    OpenRecovery,
    OwnRecovery,
    RecoveryPage,
    RecoveryView,
)
from app_server.identity.routes import code_sent, session_opened
from app_server.identity.schemas import ChallengeSent, SessionOpened
from app_server.identity.sessions import sessions_of
from app_server.kernel.access import Anonymous, Operator, Resident, access, actor
from app_server.kernel.idempotency import idempotent
from app_server.kernel.languages import language_of
from app_server.kernel.problems import BadCursor, NotFound, TooManyRequests
from app_server.kernel.routing import Route, delete, describe, get, post
from app_server.kernel.schemas import no_content, page_request, read, reply
from app_server.kernel.state import AppRequest


@access(Operator)
@idempotent()
@describe(body=OpenRecovery, reply=OpenedRecovery, status=201, problems=(NotFound, RecoveryNeedsAnother))
async def open_recovery(request: AppRequest) -> Response:
    """Open a recovery for somebody in front of the desk. The code is theirs, and is shown this once."""
    asked, by = await read(request, OpenRecovery), actor(request, Operator).id
    opened = await officers.open_recovery(asked.phone, asked.evidence, by=by, state=request.state)
    return reply(opened, status=201)


@access(Operator)
@describe(reply=RecoveryPage, query=("cursor", "limit"), problems=(BadCursor,))
async def list_recoveries(request: AppRequest) -> Response:
    """Recoveries that have not ended, the newest first."""
    return reply(await officers.open_recoveries(page_request(request)))


@access(Operator)
@describe(reply=RecoveryView, problems=(NotFound, RecoveryNeedsAnother))
async def approve_recovery(request: AppRequest) -> Response:
    """Approve what another officer opened. The owner is told, and can cancel until it is ready."""
    recovery_id, by = request.path_params["id"], actor(request, Operator).id
    return reply(await officers.approve_recovery(recovery_id, by=by, state=request.state))


@access(Operator)
@describe(status=204, problems=(NotFound,))
async def cancel_recovery(request: AppRequest) -> Response:
    """End a recovery."""
    recovery_id, by = request.path_params["id"], actor(request, Operator).id
    await officers.cancel_recovery(recovery_id, by=by, state=request.state)
    return no_content()


@access(Resident)
@describe(reply=OwnRecovery)
async def my_recovery(request: AppRequest) -> Response:
    """Whether a counter is recovering one's account."""
    return reply(await officers.own_recovery(actor(request, Resident).id))


@access(Resident)
@describe(status=204, problems=(NotFound,))
async def cancel_mine(request: AppRequest) -> Response:
    """Say no to a recovery of one's account. It asks for no proof: whoever is signed in here may need to be quick."""
    await officers.cancel_own(actor(request, Resident).id, state=request.state)
    return no_content()


@access(Anonymous)
@describe(
    body=BeginRecovery,
    reply=ChallengeSent,
    status=202,
    problems=(PhoneNotValid, RecoveryNotGood, RecoveryNotReady, TooManyRequests),
)
async def begin(request: AppRequest) -> Response:
    """Show the code of the counter, and have a code sent to the new number."""
    asked = await read(request, BeginRecovery)
    challenge_id = await completing.begin(
        asked.code,
        asked.phone,
        locale=language_of(request),
        address=client_address(request),
        device=device_of(request),
        state=request.state,
    )
    return code_sent(challenge_id)


@access(Anonymous)
@describe(
    body=CompleteRecovery,
    reply=SessionOpened,
    status=201,
    problems=(
        *(RecoveryNotGood, RecoveryNotReady, CodeNotAccepted, ChallengeOver),
        *(NumberTaken, NumberOnHold, TooManyRequests, *CLOSED),
    ),
)
async def complete(request: AppRequest) -> Response:
    """Take the account back: it has the new number, and everything else that opened it is gone."""
    asked, visit = await read(request, CompleteRecovery), visit_of(request)
    opened, ended = await completing.complete(
        asked.code, asked.challenge_id, asked.phone_code, visit=visit, state=request.state
    )
    sessions_of(request.state).forget(ended)
    return await session_opened(opened, visit, request)


recovery_routes: list[Route] = [
    post("/v1/operator/recoveries", open_recovery),
    get("/v1/operator/recoveries", list_recoveries),
    post("/v1/operator/recoveries/{id:uuid}/approval", approve_recovery),
    delete("/v1/operator/recoveries/{id:uuid}", cancel_recovery),
    get("/v1/me/recovery", my_recovery),
    delete("/v1/me/recovery", cancel_mine),
    post("/v1/recovery/codes", begin),
    post("/v1/recovery/sessions", complete),
]

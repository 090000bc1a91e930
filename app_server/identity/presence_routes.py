"""Showing that one is there, for a change of what one signs in with."""

from starlette.responses import Response

from app_server.identity import passkeys, presence, proving
from app_server.identity.cookies import client_address, device_of
from app_server.identity.factors.problems import SecondCodeNotAccepted
from app_server.identity.factors.schemas import PresenceProven, ProvePresence
from app_server.identity.problems import (
    CLOSED,
    ChallengeOver,
    CodeNotAccepted,
    PasskeyChallengeOver,
    PasskeyNotAccepted,
)
from app_server.identity.routes import code_sent
from app_server.identity.schemas import ChallengeSent, PasskeyOptions
from app_server.kernel.access import Resident, access, actor
from app_server.kernel.languages import language_of
from app_server.kernel.problems import FieldError, TooManyRequests, ValidationFailed
from app_server.kernel.routing import Route, describe, post
from app_server.kernel.schemas import read, reply
from app_server.kernel.state import AppRequest


@access(Resident)
@describe(reply=ChallengeSent, status=202, problems=(TooManyRequests,))
async def send_code(request: AppRequest) -> Response:
    """Send a code to the resident's own phone; it proves that they are there, and opens nothing."""
    resident = actor(request, Resident)
    challenge_id = await proving.send_code(
        resident.id,
        resident.session_id,
        locale=language_of(request),
        address=client_address(request),
        device=device_of(request),
        state=request.state,
    )
    return code_sent(challenge_id)


@access(Resident)
@describe(reply=PasskeyOptions, status=201, problems=(TooManyRequests,))
async def ask_passkey(request: AppRequest) -> Response:
    """What a passkey of the resident's signs to show that they are there."""
    return reply(await passkeys.ask_for_presence(actor(request, Resident).id, state=request.state), status=201)


@access(Resident)
@describe(
    body=ProvePresence,
    reply=PresenceProven,
    status=201,
    problems=(
        *(CodeNotAccepted, ChallengeOver, SecondCodeNotAccepted, PasskeyNotAccepted, PasskeyChallengeOver),
        *(TooManyRequests, *CLOSED),
    ),
)
async def prove(request: AppRequest) -> Response:
    """Show that one is there: one change of that kind can be made in this session, within three minutes."""
    asked, resident = await read(request, ProvePresence), actor(request, Resident)
    who, state = (resident.id, resident.session_id, asked.purpose), request.state
    if asked.credential is not None and asked.challenge_id is not None and asked.code is None:
        await proving.by_passkey(*who, asked.challenge_id, asked.credential.model_dump(by_alias=True), state=state)
    elif asked.code is not None and asked.challenge_id is not None and asked.credential is None:
        await proving.by_phone(*who, asked.challenge_id, asked.code, state=state)
    elif asked.code is not None and asked.challenge_id is None and asked.credential is None:
        await proving.by_code(*who, asked.code, state=state)
    else:
        detail = "A code with its challenge_id, a code alone, or a credential with its challenge_id."
        raise ValidationFailed(errors=[FieldError(pointer="/code", detail=detail)])
    return reply(PresenceProven(expires_in=int(presence.TICKET.total_seconds())), status=201)


presence_routes: list[Route] = [
    post("/v1/me/presence/codes", send_code),
    post("/v1/me/presence/passkey-challenges", ask_passkey),
    post("/v1/me/presence", prove),
]

"""Sign-in, sign-out and the resident's own profile."""

from uuid import UUID

from starlette.responses import Response

from app_server.identity import phone_codes, profiles, service
from app_server.identity.cookies import clear_session_cookie, client_address, device_of, set_cookies, visit_of
from app_server.identity.devices import Visit
from app_server.identity.factors.problems import SecondStepRequired
from app_server.identity.problems import (
    CLOSED,
    ChallengeOver,
    CodeNotAccepted,
    DistrictUnknown,
    NumberOnHold,
    PhoneNotValid,
)
from app_server.identity.schemas import (
    ActingView,
    AnswerChallenge,
    AskForCode,
    ChallengeSent,
    ChangeProfile,
    Districts,
    Profile,
    SessionOpened,
)
from app_server.identity.service import OpenedSession
from app_server.identity.sessions import sessions_of
from app_server.kernel.access import FRAME, Anonymous, Resident, access, actor
from app_server.kernel.languages import language_of
from app_server.kernel.problems import PreconditionFailed, TooManyRequests
from app_server.kernel.routing import Route, delete, describe, get, patch, post
from app_server.kernel.schemas import entity_tag, matched_version, no_content, read, reply
from app_server.kernel.state import AppRequest


@access(Anonymous)
@describe(body=AskForCode, reply=ChallengeSent, status=202, problems=(PhoneNotValid, TooManyRequests))
async def ask_for_code(request: AppRequest) -> Response:
    """Send a one-time code to a phone."""
    asked = await read(request, AskForCode)
    device = device_of(request)
    challenge_id = await phone_codes.request_challenge(
        asked.phone,
        locale=language_of(request),
        address=client_address(request),
        device=device,
        state=request.state,
    )
    return code_sent(challenge_id)


@access(Anonymous)
@describe(
    body=AnswerChallenge,
    reply=SessionOpened,
    status=201,
    problems=(CodeNotAccepted, ChallengeOver, NumberOnHold, SecondStepRequired, *CLOSED),
)
async def open_session(request: AppRequest) -> Response:
    """Sign in with the code: tokens for an app, a cookie for a browser."""
    answer, visit = await read(request, AnswerChallenge), visit_of(request)
    opened = await phone_codes.open_session(answer.challenge_id, answer.code, visit=visit, state=request.state)
    return await session_opened(opened, visit, request)


def code_sent(challenge_id: UUID) -> Response:
    """The answer wherever a code went to a phone."""
    sent = ChallengeSent(
        challenge_id=challenge_id,
        expires_in=int(phone_codes.CODE_LIFE.total_seconds()),
        resend_after=int(phone_codes.RESEND_AFTER.total_seconds()),
    )
    return reply(sent, status=202)


async def session_opened(opened: OpenedSession, visit: Visit, request: AppRequest) -> Response:
    """The answer to every kind of sign-in."""
    settings, profile = request.state["settings"], await profiles.profile_of(opened.resident_id, state=request.state)
    response = reply(
        SessionOpened(
            access_token=opened.access_token,
            refresh_token=opened.refresh_token,
            expires_in=settings.access_token_seconds,
            resident=profile,
        ),
        status=201,
    )
    await set_cookies(response, opened, visit, request)
    return response


@access(Resident, on_behalf=FRAME)
@describe(status=204)
async def end_current_session(request: AppRequest) -> Response:
    """Sign out here, also of acting for another."""
    ended = await service.end_session(actor(request, Resident).own_session_id, state=request.state)
    sessions_of(request.state).forget(ended)
    response = no_content()
    clear_session_cookie(response, request)
    return response


@access(Resident, on_behalf=FRAME)
@describe(reply=Profile)
async def me(request: AppRequest) -> Response:
    """The resident's own profile; `acting` says who reads it when it is somebody who acts for them."""
    resident = actor(request, Resident)
    profile = await profiles.profile_of(resident.id, state=request.state)
    if acting := resident.acting:
        who = ActingView(
            mandate_id=acting.mandate_id,
            name=acting.actor_name,
            may_act=acting.may_act,
            app_ids=sorted(acting.app_ids),
        )
        profile = profile.model_copy(update={"acting": who})
    return reply(profile, headers={"etag": entity_tag(profile.version)})


@access(Resident)
@describe(body=ChangeProfile, reply=Profile, problems=(DistrictUnknown, PreconditionFailed))
async def change_me(request: AppRequest) -> Response:
    """Change name, language, look or district."""
    change = await read(request, ChangeProfile)
    resident = actor(request, Resident)
    profile = await profiles.change_profile(resident.id, change, matched_version(request), state=request.state)
    return reply(profile, headers={"etag": entity_tag(profile.version)})


@access(Anonymous)
@describe(reply=Districts)
async def list_districts(request: AppRequest) -> Response:
    """The districts of the city, by GB/T 2260 code."""
    return reply(Districts(items=await profiles.districts()))


routes: list[Route] = [
    post("/v1/sign-in/challenges", ask_for_code),
    post("/v1/sign-in/sessions", open_session),
    delete("/v1/sign-in/sessions/current", end_current_session),
    get("/v1/me", me),
    patch("/v1/me", change_me),
    get("/v1/districts", list_districts),
]

"""Factors: a resident's own, and signing in with them."""

import unicodedata

from starlette.responses import Response

from app_server.identity.cookies import client_address, device_of, visit_of
from app_server.identity.factors import authenticator_app, overview, passwords, recovery_codes, second_steps
from app_server.identity.factors.problems import (
    AuthenticatorAppAlreadyOn,
    PasswordNotAccepted,
    PasswordNotValid,
    PasswordTooCommon,
    SecondCodeNotAccepted,
    SecondStepOver,
)
from app_server.identity.factors.schemas import (
    AnswerSecondStep,
    AppSecret,
    ConfirmApp,
    Factors,
    RecoveryCodes,
    SecondStep,
    SetPassword,
    SignInWithPassword,
)
from app_server.identity.problems import CLOSED, InsufficientUserAuthentication, PhoneNotValid
from app_server.identity.routes import session_opened
from app_server.identity.schemas import SessionOpened
from app_server.identity.sessions import sessions_of
from app_server.kernel.access import Anonymous, Resident, access, actor
from app_server.kernel.languages import language_of
from app_server.kernel.problems import NotFound, TemporarilyUnavailable, TooManyRequests
from app_server.kernel.routing import Route, delete, describe, get, post, put
from app_server.kernel.schemas import no_content, read, reply
from app_server.kernel.state import AppRequest


@access(Anonymous)
@describe(
    body=SignInWithPassword,
    reply=SecondStep,
    status=202,
    problems=(PhoneNotValid, PasswordNotAccepted, TooManyRequests, TemporarilyUnavailable, *CLOSED),
)
async def sign_in_with_password(request: AppRequest) -> Response:
    """Begin to sign in with number and password; a second step always follows."""
    asked = await read(request, SignInWithPassword)
    halfway = await passwords.sign_in(
        asked.phone,
        asked.password,
        locale=language_of(request),
        address=client_address(request),
        device=device_of(request),
        state=request.state,
    )
    following = SecondStep(
        factor="authenticator_app" if halfway.by_app else "phone_code",
        step=halfway.step,
        challenge_id=halfway.challenge_id,
        expires_in=int(second_steps.LIFE.total_seconds()),
    )
    return reply(following, status=202)


@access(Anonymous)
@describe(
    body=AnswerSecondStep,
    reply=SessionOpened,
    status=201,
    problems=(SecondCodeNotAccepted, SecondStepOver, *CLOSED),
)
async def answer_second_step(request: AppRequest) -> Response:
    """Finish signing in with a code of the authenticator app, or with a recovery code."""
    asked, visit = await read(request, AnswerSecondStep), visit_of(request)
    opened = await second_steps.answer(asked.step, asked.code, visit=visit, state=request.state)
    return await session_opened(opened, visit, request)


@access(Resident)
@describe(reply=Factors)
async def my_factors(request: AppRequest) -> Response:
    """What the resident can sign in with."""
    return reply(await overview.factors_of(actor(request, Resident).id, state=request.state))


@access(Resident)
@describe(
    body=SetPassword,
    status=204,
    problems=(PasswordNotValid, PasswordTooCommon, TemporarilyUnavailable, InsufficientUserAuthentication, *CLOSED),
)
async def set_password(request: AppRequest) -> Response:
    """Set or change the password. Other sessions that were opened with the old one end."""
    resident, asked = actor(request, Resident), await read(request, SetPassword)
    sessions_of(request.state).forget(
        await passwords.set_password(resident.id, asked.password, here=resident.session_id, state=request.state)
    )
    return no_content()


@access(Resident)
@describe(status=204, problems=(NotFound, InsufficientUserAuthentication, *CLOSED))
async def remove_password(request: AppRequest) -> Response:
    """Sign in without a password from now on."""
    resident = actor(request, Resident)
    sessions_of(request.state).forget(
        await passwords.remove_password(resident.id, here=resident.session_id, state=request.state)
    )
    return no_content()


@access(Resident)
@describe(reply=AppSecret, status=201, problems=(AuthenticatorAppAlreadyOn, InsufficientUserAuthentication, *CLOSED))
async def set_up_app(request: AppRequest) -> Response:
    """A secret for an authenticator app."""
    resident, locale = actor(request, Resident), language_of(request)
    made = await authenticator_app.set_up(resident.id, here=resident.session_id, locale=locale, state=request.state)
    return reply(AppSecret(secret=made.secret, address=made.address), status=201)


@access(Resident)
@describe(body=ConfirmApp, status=204, problems=(SecondCodeNotAccepted, NotFound, TooManyRequests, *CLOSED))
async def confirm_app(request: AppRequest) -> Response:
    """Show that the app has the secret: from now on sign-in asks for it."""
    asked = await read(request, ConfirmApp)
    digits = "".join(unicodedata.normalize("NFKC", asked.code).split())
    resident = actor(request, Resident)
    await authenticator_app.confirm(resident.id, digits, here=resident.session_id, state=request.state)
    return no_content()


@access(Resident)
@describe(status=204, problems=(NotFound, InsufficientUserAuthentication, *CLOSED))
async def turn_app_off(request: AppRequest) -> Response:
    """Sign in without the authenticator app from now on. Other sessions that were opened with it end."""
    resident = actor(request, Resident)
    sessions_of(request.state).forget(
        await authenticator_app.turn_off(resident.id, here=resident.session_id, state=request.state)
    )
    return no_content()


@access(Resident)
@describe(reply=RecoveryCodes, status=201, problems=(InsufficientUserAuthentication, *CLOSED))
async def make_recovery_codes(request: AppRequest) -> Response:
    """Ten new recovery codes; all older ones end."""
    resident = actor(request, Resident)
    codes, ended = await recovery_codes.make(resident.id, here=resident.session_id, state=request.state)
    sessions_of(request.state).forget(ended)
    return reply(RecoveryCodes(codes=codes), status=201)


factor_routes: list[Route] = [
    post("/v1/sign-in/passwords", sign_in_with_password),
    post("/v1/sign-in/second-steps", answer_second_step),
    get("/v1/me/factors", my_factors),
    put("/v1/me/password", set_password),
    delete("/v1/me/password", remove_password),
    post("/v1/me/authenticator-app", set_up_app),
    post("/v1/me/authenticator-app/confirmation", confirm_app),
    delete("/v1/me/authenticator-app", turn_app_off),
    post("/v1/me/recovery-codes", make_recovery_codes),
]

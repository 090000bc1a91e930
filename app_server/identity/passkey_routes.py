"""Passkeys: a resident's own, and signing in with one."""

from starlette.responses import Response

from app_server.identity import passkeys
from app_server.identity.cookies import client_address, visit_of
from app_server.identity.problems import (
    CLOSED,
    InsufficientUserAuthentication,
    PasskeyChallengeOver,
    PasskeyNotAccepted,
    TooManyPasskeys,
)
from app_server.identity.routes import session_opened
from app_server.identity.schemas import (
    AddPasskey,
    PasskeyOptions,
    PasskeyPage,
    PasskeyView,
    Rename,
    SessionOpened,
    SignInWithPasskey,
)
from app_server.identity.sessions import sessions_of
from app_server.kernel.access import Anonymous, Resident, access, actor
from app_server.kernel.languages import language_of
from app_server.kernel.problems import BadCursor, NotFound, TooManyRequests
from app_server.kernel.routing import Route, delete, describe, get, patch, post
from app_server.kernel.schemas import no_content, page_request, read, reply
from app_server.kernel.state import AppRequest


@access(Resident)
@describe(reply=PasskeyOptions, status=201, problems=(TooManyPasskeys, TooManyRequests, InsufficientUserAuthentication))
async def ask_to_register(request: AppRequest) -> Response:
    """What the resident's authenticator makes a passkey for."""
    resident, locale = actor(request, Resident), language_of(request)
    options = await passkeys.ask_to_register(resident.id, here=resident.session_id, locale=locale, state=request.state)
    return reply(options, status=201)


@access(Resident)
@describe(
    body=AddPasskey,
    reply=PasskeyView,
    status=201,
    problems=(PasskeyChallengeOver, PasskeyNotAccepted, TooManyPasskeys, *CLOSED),
)
async def add_passkey(request: AppRequest) -> Response:
    """Keep a new passkey; the resident is told so in their inbox."""
    asked = await read(request, AddPasskey)
    added = await passkeys.add_passkey(
        actor(request, Resident).id,
        asked.challenge_id,
        asked.credential.model_dump(by_alias=True),
        name=asked.name,
        user_agent=request.headers.get("user-agent", ""),
        state=request.state,
    )
    return reply(added, status=201)


@access(Resident)
@describe(reply=PasskeyPage, query=("cursor", "limit"), problems=(BadCursor,))
async def list_passkeys(request: AppRequest) -> Response:
    """The resident's passkeys, the newest first."""
    page = page_request(request)
    return reply(await passkeys.passkeys_of(actor(request, Resident).id, page, keys=request.state["keys"]))


@access(Resident)
@describe(body=Rename, reply=PasskeyView, problems=(NotFound,))
async def rename_passkey(request: AppRequest) -> Response:
    """Call a passkey otherwise."""
    asked, passkey_id = await read(request, Rename), request.path_params["id"]
    resident_id, keys = actor(request, Resident).id, request.state["keys"]
    return reply(await passkeys.rename_passkey(resident_id, passkey_id, asked.name, keys=keys))


@access(Resident)
@describe(status=204, problems=(NotFound, InsufficientUserAuthentication))
async def remove_passkey(request: AppRequest) -> Response:
    """Remove a passkey. Sessions that were opened with it end, but for the one that asks."""
    resident, passkey_id = actor(request, Resident), request.path_params["id"]
    sessions_of(request.state).forget(
        await passkeys.remove_passkey(resident.id, passkey_id, here=resident.session_id, state=request.state)
    )
    return no_content()


@access(Anonymous)
@describe(reply=PasskeyOptions, status=201, problems=(TooManyRequests,))
async def ask_to_sign_in(request: AppRequest) -> Response:
    """What any passkey of this city may answer, once and within five minutes."""
    return reply(await passkeys.ask_to_sign_in(address=client_address(request), state=request.state), status=201)


@access(Anonymous)
@describe(
    body=SignInWithPasskey,
    reply=SessionOpened,
    status=201,
    problems=(PasskeyChallengeOver, PasskeyNotAccepted, *CLOSED),
)
async def open_session(request: AppRequest) -> Response:
    """Sign in with a passkey: tokens for an app, a cookie for a browser."""
    asked, visit = await read(request, SignInWithPasskey), visit_of(request)
    credential = asked.credential.model_dump(by_alias=True)
    opened = await passkeys.open_session(asked.challenge_id, credential, visit=visit, state=request.state)
    return await session_opened(opened, visit, request)


passkey_routes: list[Route] = [
    post("/v1/passkeys/challenges", ask_to_register),
    post("/v1/passkeys", add_passkey),
    get("/v1/passkeys", list_passkeys),
    patch("/v1/passkeys/{id:uuid}", rename_passkey),
    delete("/v1/passkeys/{id:uuid}", remove_passkey),
    post("/v1/sign-in/passkeys/challenges", ask_to_sign_in),
    post("/v1/sign-in/passkeys/sessions", open_session),
]

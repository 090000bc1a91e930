"""Where a resident lets a screen in with her phone (RFC 8628 §3.3): forms, without JavaScript.

She scans the screen's QR code and enters the number beside it, or types its letters; then she sees who asks, from where
and for what, and decides.
"""

from uuid import UUID

from starlette.responses import RedirectResponse, Response

from app_server.authorization import devices
from app_server.authorization.devices import Opened
from app_server.authorization.mistakes import note
from app_server.authorization.problems import (
    DeviceCodeOver,
    DeviceCodeTaken,
    DeviceNumberNotRead,
    DeviceNumberWrong,
    UserCodeUnknown,
)
from app_server.authorization.requests import asked_of, fingerprint
from app_server.authorization.user_codes import read_number, read_user_code
from app_server.authorization.views import scope_view, text_of
from app_server.identity.cookies import client_address
from app_server.kernel.access import Anonymous, Resident, access, actor
from app_server.kernel.problems import Problem
from app_server.kernel.routing import get, post
from app_server.kernel.schemas import read_form
from app_server.kernel.state import AppRequest
from app_server.pages.messages import messages
from app_server.pages.render import look_of, page
from app_server.pages.sign_in import PRIVATE, to_sign_in

WRONG_NUMBER = "somebody scanned the code and entered another number than the screen shows; the request was denied"


@access(Resident, Anonymous)
async def letters_page(request: AppRequest) -> Response:
    """Where the letters of a screen are typed."""
    if not isinstance(request.scope["user"], Resident):
        return to_sign_in(request.url.path)
    return _ask_letters(request)


@access(Resident, Anonymous)
async def number_page(request: AppRequest) -> Response:
    """Where a screen's QR code leads: the number beside it is asked for."""
    elsewhere = _sent_by_another_site(request)
    if not isinstance(request.scope["user"], Resident):
        return to_sign_in("/device" if elsewhere else request.url.path)
    if elsewhere:
        return _ask_letters(request, from_elsewhere=True)
    name = request.path_params["name"]
    client = await devices.asks(name, state=request.state)
    return _ask_number(request, name, text_of(client.name, look_of(request).locale))


@access(Resident)
async def enter(request: AppRequest) -> Response:
    """Take the letters of a screen, and go on to the question."""
    form, user = await read_form(request), actor(request, Resident)
    await devices.spare(user.id, client_address(request), state=request.state)
    user_code = read_user_code(form.get("user_code", ""))
    try:
        if user_code is None:
            raise UserCodeUnknown()
        request_id = await devices.open_by_code(user_code, by=user, state=request.state)
    except (UserCodeUnknown, DeviceCodeOver, DeviceCodeTaken) as problem:
        return _ask_letters(request, problem)
    return _go(request_id)


@access(Resident)
async def match(request: AppRequest) -> Response:
    """Take the number that stands beside a QR code, once, and go on to the question."""
    form, user, name = await read_form(request), actor(request, Resident), request.path_params["name"]
    await devices.spare(user.id, client_address(request), state=request.state)
    number, client = read_number(form.get("number", "")), await devices.asks(name, state=request.state)
    if number is None:
        return _ask_number(request, name, text_of(client.name, look_of(request).locale), DeviceNumberNotRead())
    request_id = await devices.open_by_number(name, number, by=user, state=request.state)
    if request_id is None:
        note(client.app_id, endpoint="/device", error="access_denied", description=WRONG_NUMBER, state=request.state)
        raise DeviceNumberWrong()
    return _go(request_id)


@access(Resident, Anonymous)
async def decide_page(request: AppRequest) -> Response:
    """Who asks, from where, since when and for what; or what she decided."""
    user = request.scope["user"]
    if not isinstance(user, Resident):
        return to_sign_in(request.url.path)
    return _show(request, await devices.opened(request.path_params["id"], by=user, state=request.state))


@access(Resident)
async def decide(request: AppRequest) -> Response:
    """Allow what is ticked, and everything that is needed; or nothing."""
    form, user = await read_form(request), actor(request, Resident)
    asked = await devices.opened(request.path_params["id"], by=user, state=request.state)
    if form.get("answer") != "allow":
        await devices.deny(asked, by=user, state=request.state)
        return _go(asked.id)
    scopes = asked_of(asked.client, asked.scopes)
    if form.get("shown") != fingerprint(scopes):  # the client asks for something else by now
        return _show(request, asked)
    allowed = [scope.scope for scope in scopes if scope.required or f"scope:{scope.scope}" in form]
    refused = [scope.scope for scope in scopes if scope.scope not in allowed]
    await devices.allow(asked, allowed=allowed, refused=refused, by=user, state=request.state)
    return _go(asked.id)


def _show(request: AppRequest, asked: Opened) -> Response:
    locale = look_of(request).locale
    client, scopes = text_of(asked.client.name, locale), asked_of(asked.client, asked.scopes)
    if asked.allowed is not None:
        return page(request, "device-done.html", headers=PRIVATE, client=client, allowed=asked.allowed)
    minutes = int((request.state["clock"]() - asked.created_at).total_seconds()) // 60
    return page(
        request,
        "device-decide.html",
        headers=PRIVATE,
        request_id=asked.id,
        client=client,
        network=asked.network,
        minutes=minutes,
        shown=fingerprint(scopes),
        scopes=[scope_view(scope, locale) for scope in scopes],
    )


def _ask_letters(request: AppRequest, problem: Problem | None = None, *, from_elsewhere: bool = False) -> Response:
    return page(
        request,
        "device-letters.html",
        status=problem.status if problem else 200,
        headers=PRIVATE,
        error=_words(request, problem),
        from_elsewhere=from_elsewhere,
    )


def _ask_number(request: AppRequest, name: str, client: str, problem: Problem | None = None) -> Response:
    return page(
        request,
        "device-number.html",
        status=problem.status if problem else 200,
        headers=PRIVATE,
        name=name,
        client=client,
        error=_words(request, problem),
    )


def _words(request: AppRequest, problem: Problem | None) -> str | None:
    return messages(look_of(request).locale).problem(problem.code, problem.title()) if problem else None


def _sent_by_another_site(request: AppRequest) -> bool:
    """Whether a link on another site led here: a camera has none, and a site may draw a new code for each visitor."""
    return request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin")


def _go(request_id: UUID) -> Response:
    return RedirectResponse(f"/device/requests/{request_id}", status_code=303, headers=PRIVATE)


device_routes = [
    get("/device", letters_page),
    post("/device", enter),
    get("/device/{name}", number_page),
    post("/device/{name}", match),
    get("/device/requests/{id:uuid}", decide_page),
    post("/device/requests/{id:uuid}", decide),
]

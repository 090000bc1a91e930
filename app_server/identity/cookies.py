"""The cookies of sign-in, and what is known of where a request comes from."""

import secrets

from starlette.responses import Response

from app_server.identity.service import OpenedSession
from app_server.kernel.state import AppRequest

SESSION_COOKIE = "banyan_session"
DEVICE_COOKIE = "banyan_device"  # names a browser for the limits of one-time codes, nothing else
YEAR = 365 * 24 * 3600


def set_cookies(response: Response, opened: OpenedSession, request: AppRequest) -> None:
    """Give the browser its session, and a name to be limited by."""
    settings = request.state["settings"]
    assert opened.cookie_token is not None
    life = settings.session_days * 24 * 3600
    _set(response, SESSION_COOKIE, opened.cookie_token, life, settings.secure)
    if device_of(request) is None:
        _set(response, DEVICE_COOKIE, secrets.token_urlsafe(16), YEAR, settings.secure)


def clear_session_cookie(response: Response, request: AppRequest) -> None:
    """Take the session back."""
    response.delete_cookie(
        SESSION_COOKIE, path="/", secure=request.state["settings"].secure, httponly=True, samesite="lax"
    )


def device_of(request: AppRequest) -> str | None:
    """The browser's name, if it has one."""
    device = request.cookies.get(DEVICE_COOKIE, "")
    return device if 16 <= len(device) <= 64 and device.isascii() else None


def client_address(request: AppRequest) -> str:
    """The network address of the client, seen through the reverse proxies that are trusted."""
    proxies = request.state["settings"].trusted_proxies
    forwarded = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",") if part.strip()]
    if proxies and len(forwarded) >= proxies:
        return forwarded[-proxies]
    return request.client.host if request.client else "unknown"


def _set(response: Response, name: str, value: str, seconds: int, secure: bool) -> None:
    response.set_cookie(name, value, max_age=seconds, path="/", secure=secure, httponly=True, samesite="lax")

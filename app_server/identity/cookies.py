"""The cookies of sign-in, and what is known of where a request comes from."""

import secrets

from starlette.responses import Response

from app_server.identity.service import OpenedSession
from app_server.kernel.cookies import clear_cookie, read_cookie, set_cookie
from app_server.kernel.state import AppRequest

SESSION_COOKIE = "banyan_session"
DEVICE_COOKIE = "banyan_device"  # names a browser for the limits of one-time codes, nothing else
DAY = 24 * 3600
YEAR = 365 * DAY


def set_cookies(response: Response, opened: OpenedSession, request: AppRequest) -> None:
    """Give the browser its session, and a name to be limited by."""
    settings = request.state["settings"]
    assert opened.cookie_token is not None
    set_cookie(response, SESSION_COOKIE, opened.cookie_token, settings.session_days * DAY, settings)
    if device_of(request) is None:
        set_cookie(response, DEVICE_COOKIE, secrets.token_urlsafe(16), YEAR, settings)


def clear_session_cookie(response: Response, request: AppRequest) -> None:
    """Take the session back."""
    clear_cookie(response, SESSION_COOKIE, request.state["settings"])


def device_of(request: AppRequest) -> str | None:
    """The browser's name, if it has one."""
    device = read_cookie(request.cookies, DEVICE_COOKIE, request.state["settings"]) or ""
    return device if 16 <= len(device) <= 64 and device.isascii() else None


def client_address(request: AppRequest) -> str:
    """The network address of the client, seen through the reverse proxies that are trusted."""
    proxies = request.state["settings"].trusted_proxies
    forwarded = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",") if part.strip()]
    if proxies and len(forwarded) >= proxies:
        return forwarded[-proxies]
    return request.client.host if request.client else "unknown"

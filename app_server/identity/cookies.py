"""The cookies of sign-in, and what is known of where a request comes from."""

import secrets
from ipaddress import IPv4Address, ip_address, ip_network

from starlette.responses import Response

from app_server.identity.devices import Visit
from app_server.identity.service import OpenedSession, end_session
from app_server.identity.sessions import sessions_of
from app_server.kernel.cookies import clear_cookie, read_cookie, set_cookie
from app_server.kernel.state import AppRequest, AppState

SESSION_COOKIE = "banyan_session"
ACTING_COOKIE = "banyan_acting"  # beside it, while somebody acts for another
DEVICE_COOKIE = "banyan_device"  # names a browser: for the limits of one-time codes, and to know a new one
DAY = 24 * 3600
LONGEST = 400 * DAY  # the most that a browser keeps a cookie (RFC 6265bis §5.5); when a session is over, we say, not it


def visit_of(request: AppRequest) -> Visit:
    """Where a sign-in comes from. A browser without a name gets one here; `set_cookies` gives it the cookie."""
    return Visit(
        user_agent=request.headers.get("user-agent", ""),
        address=client_address(request),
        device=device_of(request) or secrets.token_urlsafe(16),
    )


async def set_cookies(response: Response, opened: OpenedSession, visit: Visit, request: AppRequest) -> None:
    """Give the browser its session, and the name that it is known by. The session that it had before ends, also when it
    is another person's: nobody could sign out of it any more.
    """
    assert opened.cookie_token is not None
    settings, sessions = request.state["settings"], sessions_of(request.state)
    token = read_cookie(request.cookies, SESSION_COOKIE, settings)
    if token and (before := await sessions.resolve(token)):
        sessions.forget(await end_session(before.session_id, state=request.state))
    set_cookie(response, SESSION_COOKIE, opened.cookie_token, LONGEST, settings)
    set_cookie(response, DEVICE_COOKIE, visit.device, LONGEST, settings)
    set_acting_cookie(response, None, request)


def clear_session_cookie(response: Response, request: AppRequest) -> None:
    """Take the session back."""
    clear_cookie(response, SESSION_COOKIE, request.state["settings"])
    set_acting_cookie(response, None, request)


def set_acting_cookie(response: Response, token: str | None, request: AppRequest) -> None:
    """Let the browser act for another, or as the person themselves again."""
    settings = request.state["settings"]
    if token is not None:
        set_cookie(response, ACTING_COOKIE, token, DAY, settings)
    elif read_cookie(request.cookies, ACTING_COOKIE, settings):
        clear_cookie(response, ACTING_COOKIE, settings)


def clear_acting_cookie_header(state: AppState) -> dict[str, str]:
    """The header that makes the browser act as the person themselves again."""
    response = Response()
    clear_cookie(response, ACTING_COOKIE, state["settings"])
    return {"set-cookie": response.headers["set-cookie"]}


def device_of(request: AppRequest) -> str | None:
    """The browser's name, if it has one."""
    device = read_cookie(request.cookies, DEVICE_COOKIE, request.state["settings"]) or ""
    return device if 16 <= len(device) <= 64 and device.isascii() else None


def client_address(request: AppRequest) -> str:
    """Where the client is, as limits count it, seen through the reverse proxies that are trusted.

    An IPv6 client is its /64, all of which one household has. A proxy may add to the header or add a line of its own.
    """
    proxies = request.state["settings"].trusted_proxies
    lines = ",".join(request.headers.getlist("x-forwarded-for"))
    forwarded = [part.strip() for part in lines.split(",") if part.strip()]
    if proxies and len(forwarded) >= proxies:
        return _household(forwarded[-proxies])
    return _household(request.client.host) if request.client else "unknown"


def _household(address: str) -> str:
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ip_network((found, 64), strict=False))

"""Cookies that carry a secret: unreadable to scripts, not sent along from other sites, and over TLS bound to this host.

A mini-app may live on a sibling domain, and a page there may set cookies for the parent of both. The `__Host-` prefix
(RFC 6265bis §4.1.3.2) keeps such a cookie from being taken for ours.
"""

from collections.abc import Mapping

from starlette.responses import Response

from app_server.kernel.settings import Settings


def read_cookie(cookies: Mapping[str, str], name: str, settings: Settings) -> str | None:
    """The secret that the browser brought, if any."""
    return cookies.get(_full(name, settings))


def set_cookie(response: Response, name: str, secret: str, seconds: int, settings: Settings) -> None:
    """Give the browser a secret to bring along for so long."""
    response.set_cookie(
        _full(name, settings), secret, max_age=seconds, path="/", secure=settings.secure, httponly=True, samesite="lax"
    )


def clear_cookie(response: Response, name: str, settings: Settings) -> None:
    """Take it back."""
    response.delete_cookie(_full(name, settings), path="/", secure=settings.secure, httponly=True, samesite="lax")


def _full(name: str, settings: Settings) -> str:
    return f"__Host-{name}" if settings.secure else name

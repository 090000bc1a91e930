"""Who is calling: a token, or the cookie that goes with the kind of caller a route admits.

Modules bring credentials; `wiring.py` lists them. A request with a cookie changes something only when it comes from a
page of ours (the Origin header, or Sec-Fetch-Site where a browser leaves Origin out).
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from app_server.kernel.access import KEY_CHALLENGE, Anonymous, Principal
from app_server.kernel.cookies import read_cookie
from app_server.kernel.problems import CrossSiteRequest, SignInRequired
from app_server.kernel.state import AppRequest, AppState

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

Resolver = Callable[[str, AppState], Awaitable[Principal | None]]
HeldResolver = Callable[[str, AppRequest], Awaitable[Principal]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A form of token: how it starts, the cookie it may come in, the kinds of caller it stands for, who resolves it.

    `resolve` answers None for a token that is wrong, expired or revoked. `resolve_held` does it for a token that comes
    with the proof that its sender holds the key which it is bound to (RFC 9449); it raises `sign_in_required`.
    """

    prefix: str
    cookie: str | None
    kinds: tuple[type[Any], ...]
    resolve: Resolver
    resolve_held: HeldResolver | None = None


class Authenticator:
    """Finds the caller of a request."""

    def __init__(self, credentials: Sequence[Credential]) -> None:
        self._credentials = tuple(credentials)

    async def identify(self, request: AppRequest, kinds: tuple[type[Any], ...]) -> Principal:
        """The caller. A token that is no good raises `sign_in_required`; a stale cookie is nobody."""
        authorization = request.headers.get("authorization")
        if authorization is not None:
            return await self._by_token(authorization, request)
        cookies = request.cookies
        if not cookies:
            return Anonymous()
        for credential in self._credentials:
            wanted = any(kind in kinds for kind in credential.kinds)
            if not wanted or credential.cookie is None:
                continue
            token = read_cookie(cookies, credential.cookie, request.state["settings"])
            principal = await credential.resolve(token, request.state) if token else None
            if principal is not None:
                require_same_origin(request)
                return principal
        return Anonymous()

    async def _by_token(self, authorization: str, request: AppRequest) -> Principal:
        scheme, _, token = authorization.partition(" ")
        for credential in self._credentials:
            if not token or not token.startswith(credential.prefix):
                continue
            if scheme.lower() == "dpop" and credential.resolve_held:
                return await credential.resolve_held(token, request)
            if scheme.lower() == "bearer":
                principal = await credential.resolve(token, request.state)
                if principal is not None:
                    return principal
        raise SignInRequired(headers={"WWW-Authenticate": f'Bearer error="invalid_token", {KEY_CHALLENGE}'})


def require_same_origin(request: AppRequest) -> None:
    """Raise `cross_site_request` when a request that changes something does not come from a page of ours."""
    if request.method in SAFE_METHODS:
        return
    origin = request.headers.get("origin")
    if origin is not None:
        if origin == request.state["settings"].base_url:
            return
    elif request.headers.get("sec-fetch-site") in ("same-origin", "none"):
        return
    raise CrossSiteRequest()

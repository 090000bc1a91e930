"""Which origin a request is for: `<app_id>.<apps domain>` is a mini-app's, every other one is the core's."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app_server.gateway.gateway import Gateway
from app_server.kernel.frame import problem_response
from app_server.kernel.problems import CrossSiteRequest
from app_server.kernel.settings import Mode, Settings

MEMORY = 1024  # host names remembered


class HostDispatch:
    """The ASGI application in front: by the Host header, to the gateway of the process's state or to the core."""

    def __init__(self, core: ASGIApp, settings: Settings) -> None:
        self._core = DemoDoor(core, settings.base_url) if settings.mode is Mode.DEMO else core
        self._base_host = (urlsplit(settings.base_url).hostname or "").encode()
        self._suffix = b"." + settings.apps_domain.lower().encode()
        self._known: dict[bytes, str | None] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send one request where it belongs."""
        host = b""
        for name, value in scope["headers"]:
            if name == b"host":
                host = value
                break
        app_id = self._known[host] if host in self._known else self._app_id(host)
        if app_id is None:
            await self._core(scope, receive, send)
            return
        gateway: Gateway = scope["state"]["gateway"]
        if scope["type"] == "http":
            await gateway.answer(app_id, scope, receive, send)
        else:
            await gateway.refuse_socket(scope, receive, send)

    def _app_id(self, host: bytes) -> str | None:
        name = host.lower().split(b":")[0].rstrip(b".")
        app_id = None
        if name != self._base_host and name.endswith(self._suffix):
            app_id = name.removesuffix(self._suffix).decode("latin-1")
        if len(self._known) < MEMORY:
            self._known[host] = app_id
        return app_id


class DemoDoor:
    """The core of a demo, for its own address only.

    The demo shows every one-time code to whoever asks, and it stands on somebody's own machine: a page of another site
    whose name is made to point there (DNS rebinding) could read them. A browser that was led to the machine by number
    goes on to the address where sign-in works.
    """

    def __init__(self, core: ASGIApp, base_url: str) -> None:
        self._core = core
        self._base_url = base_url
        self._own_names = {"", "localhost", urlsplit(base_url).hostname}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, refuse or redirect."""
        headers = Headers(scope=scope)
        name = _hostname(headers.get("host", ""))
        if name not in self._own_names:
            if not _is_number(name):
                refused = CrossSiteRequest(f"This demo answers at {self._base_url}.")
                await problem_response(refused, self._base_url, None)(scope, receive, send)
                return
            if scope.get("method") == "GET" and headers.get("sec-fetch-mode") == "navigate":
                query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
                await RedirectResponse(f"{self._base_url}{scope['path']}{query}", 307)(scope, receive, send)
                return
        await self._core(scope, receive, send)


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return host


def _is_number(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True

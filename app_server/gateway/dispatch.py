"""Which origin a request is for: `<app_id>.<apps domain>` is a mini-app's, every other one is the core's."""

from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from app_server.gateway.gateway import Gateway
from app_server.kernel.settings import Settings

MEMORY = 1024  # host names remembered


class HostDispatch:
    """The ASGI application in front: by the Host header, to the gateway of the process's state or to the core."""

    def __init__(self, core: ASGIApp, settings: Settings) -> None:
        self._core = core
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

"""The web process: the core and, on their own origins, the mini-apps behind the gateway."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from app_server import wiring
from app_server.gateway.dispatch import HostDispatch
from app_server.kernel.clock import Clock, system_clock
from app_server.kernel.frame import Frame
from app_server.kernel.logs import configure
from app_server.kernel.routing import RouteTable
from app_server.kernel.settings import Settings
from app_server.kernel.state import AppState
from app_server.pages.render import problem_page
from app_server.process import process


def create_app(settings: Settings | None = None, clock: Clock = system_clock) -> ASGIApp:
    """The ASGI application. Without settings they are read from the environment, and logs go to standard error."""
    if settings is None:
        settings = Settings.from_env()
        configure(settings.log_level)
    return App(settings, clock)


class App:
    """Lifespan here, requests to the dispatcher."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._lifespan = Router(lifespan=self._open)
        frame = Frame(RouteTable(wiring.routes(settings)), settings.base_url, problem_page)
        self._requests = HostDispatch(frame, settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        else:
            await self._requests(scope, receive, send)

    @asynccontextmanager
    async def _open(self, app: object) -> AsyncIterator[AppState]:
        async with process(self._settings, self._clock) as state:
            yield state

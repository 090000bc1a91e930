"""The web process under uvicorn: one process, our own logs, and an end within ten seconds."""

import gc
import socket
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from app_server.embedded.listening import listen
from app_server.kernel.joined import JoinedHttp
from app_server.kernel.logs import configure
from app_server.kernel.settings import Settings
from app_server.main import create_app

# After this many seconds uvicorn cuts what still runs; begun units of work then have process.UNITS_END_WITHIN.
REQUESTS_END_WITHIN = 4


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """What is there now stays for good: the garbage collector need not look through it again and again."""
        await super().startup(sockets=sockets)
        gc.collect()
        gc.freeze()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """An orderly end is exit code 0: uvicorn would raise the signal once more at its end."""
        super().handle_exit(sig, frame)
        self._captured_signals.clear()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Open streams end by themselves once the process says so; uvicorn alone would wait for them for ever."""
        if stopping := self.lifespan.state.get("shutdown"):
            stopping.set()
        await super().shutdown(sockets)


def serve(settings: Settings) -> bool:
    """Answer until SIGTERM or SIGINT; False when the application did not start. Raises `PortTaken`."""
    listening = listen(settings.host, settings.port)
    configure(settings.log_level)
    server = _Server(uvicorn_config(create_app(settings)))
    server.run(sockets=[listening])
    return server.started


def uvicorn_config(app: ASGIApp) -> uvicorn.Config:
    """How we run an ASGI application; the benchmarks run what they compare with in the same way."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=JoinedHttp,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=2048,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=REQUESTS_END_WITHIN,
    )

"""The web process under uvicorn: one process, our own logs, and an end within ten seconds."""

import socket
from types import FrameType

import uvicorn

from app_server.embedded.listening import listen
from app_server.kernel.logs import configure
from app_server.kernel.settings import Settings
from app_server.main import create_app

# After this many seconds uvicorn cuts what still runs; begun units of work then have process.UNITS_END_WITHIN.
REQUESTS_END_WITHIN = 4


class _Server(uvicorn.Server):
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
    config = uvicorn.Config(
        create_app(settings),
        loop="uvloop",
        http="httptools",
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
    server = _Server(config)
    server.run(sockets=[listening])
    return server.started

"""A Valkey server of our own, from its wheel."""

import signal
import socket
from contextlib import closing
from pathlib import Path
from typing import ClassVar

from app_server.embedded.processes import Child, spawn, tail, wait_until
from app_server.embedded.programs import (
    STOP_SECONDS,
    EngineError,
    end_leftover,
    remedy,
    valkey_program,
    writable_directory,
)

START_SECONDS = 10.0


class Valkey:
    """A Valkey of our own on a unix socket, without persistence: it may be lost at any moment, and the core knows."""

    name: ClassVar[str] = "Valkey"

    def __init__(self, directory: Path, sockets: Path, logs: Path) -> None:
        self._directory = directory
        self._socket = sockets / "valkey.sock"
        self._pid_file = directory / "valkey.pid"
        self._binary = valkey_program()
        self.log = logs / "valkey.log"
        self.url = f"unix://{self._socket}?db=0"
        self.child: Child | None = None

    def start(self) -> None:
        """Start it, empty. Returns when it answers PING."""
        writable_directory(self._directory)
        self.end_leftover()
        command = [str(self._binary), "--port", "0", "--unixsocket", str(self._socket), "--unixsocketperm", "700"]
        command += ["--dir", str(self._directory), "--pidfile", str(self._pid_file), "--save", "", "--appendonly", "no"]
        self.child = child = spawn(command, log=self.log, cwd=self._directory)
        wait_until(lambda: child.exit_code is not None or self._answers(), seconds=START_SECONDS)
        if child.exit_code is not None or not self._answers():
            self.stop()
            raise EngineError(remedy("Valkey did not start", self.log), tail(self.log))

    def end_leftover(self) -> None:
        """Stop the server that an earlier owner left at work here."""
        known = self._pid_file.read_text().strip() if self._pid_file.exists() else ""
        end_leftover(self._directory, int(known) if known.isdecimal() else None, signal.SIGTERM)

    def stop(self) -> None:
        """Orderly; nothing of it is kept."""
        if self.child is not None:
            self.child.stop(STOP_SECONDS)
            self.child = None

    def kill(self) -> None:
        """SIGKILL."""
        if self.child is not None:
            self.child.kill()
            self.child = None

    def _answers(self) -> bool:
        with closing(socket.socket(socket.AF_UNIX)) as client:
            client.settimeout(1)
            try:
                client.connect(str(self._socket))
                client.sendall(b"PING\r\n")
                return client.recv(16).startswith(b"+PONG")
            except OSError:
                return False

"""A PostgreSQL server of our own, from its wheel."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import ClassVar

from app_server.embedded.processes import Account, Child, spawn, tail, wait_until
from app_server.embedded.programs import (
    POSTGRESQL_MAJOR,
    STOP_SECONDS,
    EngineError,
    end_leftover,
    passable,
    postgresql_programs,
    remedy,
)

START_SECONDS = 60.0  # crash recovery after a power cut may replay a lot
_DURABLE = {"synchronous_commit": "on", "fsync": "on", "full_page_writes": "on"}
_FAST = {"synchronous_commit": "off", "fsync": "off", "full_page_writes": "off"}
_POSTGRESQL = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
_BIRTH = "CREATE ROLE banyan LOGIN CREATEDB\nCREATE DATABASE banyan OWNER banyan\n"


class Postgres:
    """A PostgreSQL of our own, reached over a unix socket that only its user (and root) can open."""

    name: ClassVar[str] = "PostgreSQL"

    def __init__(
        self, directory: Path, sockets: Path, logs: Path, account: Account | None, *, durable: bool = True
    ) -> None:
        self._directory = directory
        self._sockets = sockets
        self._account = account
        self._durable = durable
        self._binaries = postgresql_programs(account)
        # As root we run it as a user who may be unable to walk to the directory; its working directory always can be.
        self._name_of_directory = "/proc/self/cwd" if account and not passable(directory) else str(directory)
        self.log = logs / "postgresql.log"
        self.url = f"postgresql://banyan@/banyan?host={sockets}"
        self.child: Child | None = None

    def start(self) -> None:
        """Start it, after making its files the first time. Returns when it accepts connections."""
        self.end_leftover()
        self._initialise()
        (self._directory / "postmaster.pid").unlink(missing_ok=True)  # its process is gone: only a new one may write it
        settings = (
            _POSTGRESQL | (_DURABLE if self._durable else _FAST) | {"unix_socket_directories": str(self._sockets)}
        )
        command = [str(self._binaries / "postgres"), "-D", self._name_of_directory]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        deadline = time.monotonic() + START_SECONDS
        while not self._comes_up(command):
            # The children of a server that was killed may still be leaving: that passes by itself.
            if "shared memory block" not in tail(self.log, 6) or time.monotonic() > deadline:
                raise EngineError(remedy("PostgreSQL did not start", self.log), tail(self.log))
            time.sleep(0.2)

    def end_leftover(self) -> None:
        """Stop the server that an earlier owner left at work here."""
        end_leftover(self._directory, self._leftover(), signal.SIGINT)

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, what was committed is on disk."""
        if self.child is not None:
            self.child.stop(STOP_SECONDS)
            self.child = None

    def kill(self) -> None:
        """SIGKILL to the postmaster; its backends notice and leave."""
        if self.child is not None:
            self.child.kill()
            self.child = None

    def _initialise(self) -> None:
        version = self._directory / "PG_VERSION"
        if version.exists():
            found = version.read_text().strip()
            if found != POSTGRESQL_MAJOR:
                raise EngineError(
                    f"The data in {self._directory} was made by PostgreSQL {found}, and this program has "
                    f"{POSTGRESQL_MAJOR}: upgrade it with pg_upgrade, or begin anew with RESET=1."
                )
            return
        draft = self._directory.with_suffix(".new")  # a cut in the middle leaves only the draft
        for leftover in (draft, self._directory):
            shutil.rmtree(leftover, ignore_errors=True)
        draft.mkdir(mode=0o700)
        if self._account:
            os.chown(draft, self._account.uid, self._account.gid)
        directory = "/proc/self/cwd" if self._name_of_directory.startswith("/proc") else str(draft)
        options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
        options += ["--builtin-locale=C.UTF-8", "--no-instructions", *([] if self._durable else ["--no-sync"])]
        self._run([str(self._binaries / "initdb"), "-D", directory, *options], draft, "")
        self._run([str(self._binaries / "postgres"), "--single", "-D", directory, "postgres"], draft, _BIRTH)
        draft.rename(self._directory)

    def _run(self, command: list[str], cwd: Path, text: str) -> None:
        with self.log.open("ab") as log:
            done = subprocess.run(
                command,
                input=text.encode(),
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                user=self._account.uid if self._account else None,
                group=self._account.gid if self._account else None,
                extra_groups=[] if self._account else None,
                check=False,
            )
        if done.returncode != 0:
            raise EngineError(remedy("PostgreSQL could not make its files", self.log), tail(self.log))

    def _comes_up(self, command: list[str]) -> bool:
        child = spawn(command, log=self.log, cwd=self._directory, account=self._account, farewell=signal.SIGINT)
        self.child = child
        wait_until(lambda: child.exit_code is not None or self._ready(child), seconds=START_SECONDS)
        if child.exit_code is None and self._ready(child):
            return True
        self.stop()
        return False

    def _ready(self, child: Child) -> bool:
        lines = self._pid_file()
        return len(lines) > 7 and lines[0] == str(child.pid) and lines[7].strip() == "ready"

    def _leftover(self) -> int | None:
        lines = self._pid_file()
        return int(lines[0]) if lines and lines[0].isdecimal() else None

    def _pid_file(self) -> list[str]:
        try:
            return (self._directory / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

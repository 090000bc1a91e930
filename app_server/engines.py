"""PostgreSQL and Valkey from wheels, run as our own children in a data directory: in the demo and in every test.

    with engines(Path("data")) as running:
        running.database_url, running.redis_url

`DATABASE_URL` and `REDIS_URL`, when set, name servers elsewhere, which are used and left alone. What an earlier owner
of the data directory left running is stopped first; a live owner keeps its directory (`EngineError`).
"""

import fcntl
import hashlib
import os
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from app_server.embedded.postgresql import Postgres
from app_server.embedded.processes import Account, shorten
from app_server.embedded.programs import EngineError, unprivileged_account, writable_directory
from app_server.embedded.valkey import Valkey

__all__ = ["EngineError", "Engines", "Postgres", "Valkey", "engines", "exclusive", "writable_directory"]

OWN = ("postgres", "postgres.new", "valkey", "miniapps", "keys.json", "demo.env")  # what a data directory may hold
_SOCKET_PATH_LIMIT = 103  # bytes, the shortest of Linux (107) and macOS (103)
_SOCKET_NAME = ".s.PGSQL.5432"


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """Where the engines answer. `postgres` or `valkey` is None when it is a server elsewhere."""

    database_url: str
    redis_url: str
    postgres: Postgres | None
    valkey: Valkey | None


@contextmanager
def engines(
    data_dir: Path, *, durable: bool = True, reset: bool = False, environ: Mapping[str, str] | None = None
) -> Iterator[Engines]:
    """Run both engines for the life of the block, from the main thread.

    `durable=False` is faster and loses data in a power cut or a kill: for tests without faults. `reset` removes what
    earlier runs of Banyan kept in `data_dir`, and nothing that is not its own.
    """
    environ = os.environ if environ is None else environ
    database_url, redis_url = environ.get("DATABASE_URL"), environ.get("REDIS_URL")
    if database_url and redis_url:
        yield Engines(database_url=database_url, redis_url=redis_url, postgres=None, valkey=None)
        return
    data_dir = writable_directory(data_dir)
    with ExitStack() as stack:
        stack.enter_context(exclusive(data_dir))
        logs = writable_directory(data_dir / "logs")
        for log in logs.glob("*.log"):
            shorten(log)
        account = unprivileged_account()
        sockets = stack.enter_context(_socket_directory(data_dir, account))
        postgres = None if database_url else Postgres(data_dir / "postgres", sockets, logs, account, durable=durable)
        valkey = None if redis_url else Valkey(data_dir / "valkey", sockets, logs)
        own = [engine for engine in (postgres, valkey) if engine is not None]
        if reset:
            for engine in own:
                engine.end_leftover()
            _remove_own(data_dir)
        for engine in own:
            stack.callback(engine.stop)
            engine.start()
        yield Engines(
            database_url=database_url or (postgres.url if postgres else ""),
            redis_url=redis_url or (valkey.url if valkey else ""),
            postgres=postgres,
            valkey=valkey,
        )


@contextmanager
def exclusive(data_dir: Path) -> Iterator[None]:
    """Own a data directory until the block or the process ends. Raises `EngineError` when another owns it."""
    with (data_dir / "banyan.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EngineError(
                f"Another Banyan{_owner(lock)} is using {data_dir}: stop that one, or choose another place with DATA=."
            ) from None
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _remove_own(data_dir: Path) -> None:
    for name in OWN:
        path = data_dir / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _owner(lock: IO[str]) -> str:
    lock.seek(0)
    pid = lock.read().strip()
    return f" (process {pid})" if pid else ""


def _sweep(parent: Path) -> None:
    """Remove empty socket directories of owners that were killed more than an hour ago."""
    for left in parent.glob(f"banyan-{os.getuid()}-*"):
        with suppress(OSError):
            if time.time() - left.lstat().st_mtime > 3600:
                left.rmdir()  # only an empty one goes


@contextmanager
def _socket_directory(data_dir: Path, account: Account | None) -> Iterator[Path]:
    """A closed directory with a short name: the path of a unix socket is limited to about 100 bytes."""
    sockets = data_dir / "run"
    if account or len(os.fsencode(sockets / _SOCKET_NAME)) > _SOCKET_PATH_LIMIT:
        digest = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:10]
        sockets = Path("/tmp") / f"banyan-{os.getuid()}-{digest}"
        _sweep(sockets.parent)
    owner = account.uid if account else os.getuid()
    sockets.mkdir(mode=0o700, exist_ok=True)
    found = sockets.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.getuid(), owner):
        raise EngineError(f"{sockets} belongs to another user: remove it, or choose another place with DATA=.")
    sockets.chmod(0o700)
    if account:
        os.chown(sockets, account.uid, account.gid)
    try:
        yield sockets
    finally:
        shutil.rmtree(sockets, ignore_errors=True)

"""One SQLite file per mini-app, off the event loop: what is acknowledged survives a power cut."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from banyan_sdk import speech

Answer = TypeVar("Answer")


class Store:
    """A file in WAL mode with `synchronous=FULL`, used by one thread of its own, so that nothing blocks the loop.

    `path=None` keeps everything in memory (tests, and mini-apps that store nothing).
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._thread: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None
        self._schema: list[str] = []
        self._after_write: list[Callable[[], None]] = []

    def schema(self, script: str) -> None:
        """Statements to run when the file is opened; write them so that they may run again (`if not exists`)."""
        self._schema.append(script)

    def after_write(self, wake: Callable[[], None]) -> None:
        self._after_write.append(wake)

    async def open(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        await self._in_thread(self._open)

    async def close(self) -> None:
        """After what is being written has been written."""
        if self._thread is not None:
            await self._in_thread(self._close)
            self._thread.shutdown(wait=False)
            self._thread = None

    async def read(self, question: Callable[[sqlite3.Connection], Answer]) -> Answer:
        return await self._in_thread(lambda: question(self._db))

    async def write(self, change: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """Run `change` in one transaction; when this returns it is on the disk, when it raises nothing happened.

        A caller that is cancelled meanwhile does not know which of the two it was.
        """
        answer = await self._in_thread(lambda: self._change(change))
        for wake in self._after_write:
            wake()
        return answer

    async def _in_thread(self, work: Callable[[], Answer]) -> Answer:
        if self._thread is None:
            raise RuntimeError(speech.NOT_STARTED)
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _open(self) -> None:
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            self.path or ":memory:", isolation_level=None, check_same_thread=False, timeout=10, cached_statements=256
        )
        if self.path is not None:
            self.path.chmod(0o600)
        connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        for script in self._schema:
            connection.executescript(script)
        self._connection = connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def _db(self) -> sqlite3.Connection:
        if self._connection is None:
            raise RuntimeError(speech.NOT_STARTED)
        return self._connection

    def _change(self, change: Callable[[sqlite3.Connection], Answer]) -> Answer:
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            answer = change(db)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        return answer

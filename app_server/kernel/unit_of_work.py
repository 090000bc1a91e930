"""The only way to a transaction.

A unit of work runs in a task of its own, shielded from its caller: a request that is cancelled (the resident closed
the page) while a transaction opens would otherwise leak its connection, and one that is cancelled while it commits
would not know. What was begun is finished; the caller's cancellation is seen after.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.connection import get_connection
from tortoise.transactions import in_transaction

from app_server.kernel.logs import logger

log = logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_inside: ContextVar[list[Callable[[], None]] | None] = ContextVar("unit_of_work", default=None)
_running: set[asyncio.Task[Any]] = set()


def in_unit_of_work(use_case: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Run the use case in one transaction: all of it is kept when it returns, none of it when it raises.

    A use case called from inside another one joins it.
    """

    @wraps(use_case)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        if _inside.get() is not None:
            return await use_case(*args, **kwargs)
        task = asyncio.get_running_loop().create_task(_transact(lambda: use_case(*args, **kwargs)))
        _running.add(task)
        task.add_done_callback(_finished)
        return await asyncio.shield(task)

    return run


def in_unit() -> bool:
    """Whether the caller is inside a unit of work, and so holds a connection."""
    return _inside.get() is not None


def after_commit(act: Callable[[], None]) -> None:
    """Call `act` (a hint: it may be lost, or fail) once the present unit of work is kept; at once outside of one."""
    waiting = _inside.get()
    if waiting is None:
        act()
    else:
        waiting.append(act)


async def fetch(sql: str, *values: object) -> list[Any]:
    """Rows of one statement, in the present unit of work if there is one."""
    async with _database().acquire_connection() as connection:
        rows: list[Any] = await connection.fetch(sql, *values)
        return rows


async def fetchrow(sql: str, *values: object) -> Any:
    """The first row of one statement, or None."""
    async with _database().acquire_connection() as connection:
        return await connection.fetchrow(sql, *values)


async def execute(sql: str, *values: object) -> int:
    """Run one statement; the number of rows it touched."""
    async with _database().acquire_connection() as connection:
        status: str = await connection.execute(sql, *values)
        touched = status.rsplit(" ", 1)[-1]
        return int(touched) if touched.isdigit() else 0


async def settle(seconds: float) -> None:
    """Wait until the units of work under way have ended; for shutdown."""
    if _running:
        await asyncio.wait(_running, timeout=seconds)


async def _transact(use_case: Callable[[], Awaitable[T]]) -> T:
    hints: list[Callable[[], None]] = []
    _inside.set(hints)
    async with _transaction():
        result = await use_case()
    _inside.set(None)
    for hint in hints:
        try:
            hint()
        except Exception as error:
            log.error("hint_failed", error=error)
    return result


@asynccontextmanager
async def _transaction() -> AsyncIterator[None]:
    """Tortoise's own, except that one that cannot begin gives its connection back to the pool."""
    transaction = in_transaction("default")
    try:
        await transaction.__aenter__()
    except BaseException:
        client = transaction.client
        assert isinstance(client, TransactionWrapper)
        pool, connection = client._parent._pool, client._connection
        if pool is not None and connection is not None:
            await pool.release(connection)  # type: ignore[arg-type]  # Tortoise types the pool's proxy as what it is for
        raise
    try:
        yield
    except BaseException as error:
        await transaction.__aexit__(type(error), error, error.__traceback__)
        raise
    await transaction.__aexit__(None, None, None)


def _finished(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if not task.cancelled():
        task.exception()  # seen here too, in case the caller has gone


def _database() -> AsyncpgDBClient:
    client = get_connection("default")
    assert isinstance(client, AsyncpgDBClient)
    return client

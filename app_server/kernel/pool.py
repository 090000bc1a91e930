"""The pool to PostgreSQL, as Tortoise opens it (`engine` of `app_server.database`): nobody waits for ever.

The server's own time limits need a server that runs; a machine that froze or a network that swallows packets has none.
Each wait here ends in a `TimeoutError`, which the frame answers with 503.
"""

import socket
from typing import Any

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient

STATEMENT_WITHIN = 15  # seconds that the server gives a statement
ANSWER_WITHIN = STATEMENT_WITHIN + 1.0  # seconds until a server that says nothing counts as gone
CONNECTION_WITHIN = 10.0  # seconds to wait for a connection of the pool

# A peer that is gone without a word is noticed after about fifteen seconds (tcp(7)).
_WATCHED = (("SO_KEEPALIVE", 1), ("TCP_KEEPIDLE", 5), ("TCP_KEEPINTVL", 3), ("TCP_KEEPCNT", 3))


class PatientPool(asyncpg.Pool):
    """asyncpg's, with a limit to the wait for a connection; it is also the limit to giving one back."""

    def acquire(self, *, timeout: float | None = None) -> Any:
        """A connection. Raises `TimeoutError`."""
        return super().acquire(timeout=CONNECTION_WITHIN if timeout is None else timeout)


class PatientClient(AsyncpgDBClient):
    """Tortoise's client of such a pool."""

    async def create_pool(self, **options: Any) -> asyncpg.Pool:
        """Open the pool."""
        return await PatientPool(
            None,
            max_queries=50_000,
            max_inactive_connection_lifetime=300.0,
            record_class=asyncpg.Record,
            command_timeout=ANSWER_WITHIN,
            connect=_connect,
            reset=_keep_as_is,
            **options,
        )


client_class = PatientClient


async def _connect(*where: Any, **how: Any) -> Any:
    """A new connection. Raises `ConnectionError` for whatever keeps us from the server.

    A socket file that is not there while PostgreSQL restarts would otherwise look like any missing file.
    """
    try:
        connection = await asyncpg.connect(*where, timeout=CONNECTION_WITHIN, **how)
    except OSError as error:
        raise ConnectionError(f"PostgreSQL is away ({type(error).__name__})") from error
    wire = connection._transport.get_extra_info("socket")
    if wire is not None and wire.family in (socket.AF_INET, socket.AF_INET6):
        for name, value in _WATCHED:
            if hasattr(socket, name):
                level = socket.SOL_SOCKET if name.startswith("SO_") else socket.IPPROTO_TCP
                wire.setsockopt(level, getattr(socket, name), value)
    return connection


async def _keep_as_is(connection: object) -> None:
    """asyncpg would reset each connection on its way back to the pool, which costs a round trip.

    Every unit of work ends its transaction, and nothing here sets session state, listens or locks beyond it.
    """

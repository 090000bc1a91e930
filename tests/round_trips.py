"""Counts what a request asks of the engines."""

import asyncio
from typing import Any

import pytest
from asyncpg import Connection

from tests.city import City

POLLERS = ("_ended_sessions", "Listings._look", "Hub._poll")  # tasks that look by the clock, for no request


class RoundTrips:
    """Every statement and every Redis pipeline from now on, until `forget`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, city: City) -> None:
        self.redis = 0
        self.sql: list[str] = []
        client = city.state["redis"]._client
        pipeline = client.pipeline

        def counted(*args: Any, **options: Any) -> Any:
            self.redis += 1
            return pipeline(*args, **options)

        monkeypatch.setattr(client, "pipeline", counted)
        for method in ("fetch", "fetchrow", "fetchval", "execute"):
            monkeypatch.setattr(Connection, method, self._counted(getattr(Connection, method)))

    def forget(self) -> None:
        """Begin anew."""
        self.redis = 0
        self.sql.clear()

    def _counted(self, run: Any) -> Any:
        async def counted(connection: Any, sql: str, *values: Any, **options: Any) -> Any:
            task = asyncio.current_task()
            if task is None or getattr(task.get_coro(), "__qualname__", "") not in POLLERS:
                self.sql.append(sql)
            return await run(connection, sql, *values, **options)

        return counted

"""A unit of work is whole or nothing, and takes no connection with it."""

import asyncio

import pytest
from asyncpg import ConnectionDoesNotExistError
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.connection import get_connection

from app_server.kernel.unit_of_work import execute, in_unit_of_work
from tests.city import City


async def test_a_transaction_that_cannot_begin_gives_its_connection_back(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(self: TransactionWrapper) -> None:
        raise ConnectionDoesNotExistError("connection was closed in the middle of operation")

    with monkeypatch.context() as patch:
        patch.setattr(TransactionWrapper, "begin", fails)
        for _ in range(2 * city.settings.database_pool):
            with pytest.raises(ConnectionDoesNotExistError):
                await asyncio.wait_for(in_unit_of_work(execute)("SELECT 1"), 5)
    client = get_connection("default")
    assert isinstance(client, AsyncpgDBClient) and client._pool is not None
    async with asyncio.timeout(5):
        held = [await client._pool.acquire() for _ in range(city.settings.database_pool)]
    for connection in held:
        await client._pool.release(connection)
    assert await in_unit_of_work(execute)("SELECT 1") == 1

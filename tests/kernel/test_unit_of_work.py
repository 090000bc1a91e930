"""A unit of work is whole or nothing, and takes no connection with it."""

import asyncio

import pytest
from asyncpg import ConnectionDoesNotExistError
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.connection import get_connection

from app_server.kernel.ids import uuid7
from app_server.kernel.unit_of_work import after_commit, execute, in_unit_of_work, settle
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


async def leave_a_trace(name: str) -> None:
    await execute("INSERT INTO core_schedule_tick (id, job_id, scheduled_for) VALUES ($1, $2, now())", uuid7(), name)


async def traces(city: City) -> list[str]:
    return [row["job_id"] for row in await city.rows("SELECT job_id FROM core_schedule_tick ORDER BY job_id")]


async def test_what_was_begun_is_finished_though_its_caller_has_gone(city: City) -> None:
    begun = asyncio.Event()

    @in_unit_of_work
    async def slow() -> None:
        await leave_a_trace("slow")
        begun.set()
        await asyncio.sleep(0.05)

    caller = asyncio.create_task(slow())
    await begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await settle(5)
    assert await traces(city) == ["slow"]


async def test_a_use_case_inside_another_shares_its_fate_and_hints_go_out_only_when_all_is_kept(city: City) -> None:
    hints: list[str] = []

    @in_unit_of_work
    async def inner(name: str) -> None:
        await leave_a_trace(name)
        after_commit(lambda: hints.append(name))

    @in_unit_of_work
    async def outer(name: str, *, falls: bool) -> None:
        await inner(name)
        assert hints == []
        if falls:
            raise RuntimeError(name)

    with pytest.raises(RuntimeError):
        await outer("lost", falls=True)
    assert (await traces(city), hints) == ([], [])
    await outer("kept", falls=False)
    assert (await traces(city), hints) == (["kept"], ["kept"])
    after_commit(lambda: hints.append("at once"))
    assert hints == ["kept", "at once"]


async def test_a_hint_that_fails_does_not_undo_what_was_kept_nor_keep_the_others_from_running(city: City) -> None:
    heard: list[str] = []

    def fails() -> None:
        raise ConnectionError

    @in_unit_of_work
    async def tell() -> str:
        await leave_a_trace("told")
        after_commit(fails)
        after_commit(lambda: after_commit(lambda: heard.append("a hint's own hint, at once")))
        after_commit(lambda: heard.append("the next"))
        return "done"

    assert await tell() == "done"
    assert heard == ["a hint's own hint, at once", "the next"]
    assert await traces(city) == ["told"]

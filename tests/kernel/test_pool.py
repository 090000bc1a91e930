"""Nobody waits for ever for PostgreSQL: not for a connection, not for an answer."""

import asyncio

import pytest

from app_server.kernel import pool
from app_server.kernel.settings import Settings
from app_server.kernel.unit_of_work import execute, fetchrow, in_unit_of_work
from tests.city import City, open_city

HELD = 3.0  # seconds


async def test_who_finds_every_connection_taken_is_told_to_come_back(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "CONNECTION_WITHIN", 0.3)
    hold = in_unit_of_work(lambda: execute("SELECT pg_sleep($1)", HELD))
    holding = [asyncio.create_task(hold()) for _ in range(city.settings.database_pool)]
    await asyncio.sleep(0.5)
    async with city.browser() as browser, asyncio.timeout(HELD / 2):
        for path in ("/v1/districts", "/readyz"):
            refused = await browser.get(path)
            assert (refused.status_code, refused.json()["code"]) == (503, "temporarily_unavailable")
            assert refused.headers["retry-after"]
    await asyncio.gather(*holding)
    async with city.browser() as browser:
        assert (await browser.get("/readyz")).status_code == 200


async def test_a_server_that_says_nothing_counts_as_gone(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "ANSWER_WITHIN", 0.3)
    async with open_city(settings):
        with pytest.raises(TimeoutError):
            await in_unit_of_work(lambda: execute("SELECT pg_sleep($1)", HELD))()
        assert (await fetchrow("SELECT 1 AS one"))["one"] == 1

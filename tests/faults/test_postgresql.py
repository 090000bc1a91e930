"""PostgreSQL is restarted under load: what was acknowledged is there, and every loop of every process goes on."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import aiohttp
import pytest

from app_server.embedded.parts import answers
from tests.faults.conftest import Size
from tests.faults.crowd import POOL_SCOPES, Crowd, Visitor
from tests.faults.journal import Journal
from tests.faults.outside import PAUSE, Outside
from tests.faults.reckoning import reckon
from tests.faults.residents import Page, settled_in, signed_in, stream
from tests.faults.town import READY_SECONDS, Town

BACK_WITHIN = 10.0  # seconds until the web process serves again, on a busy machine
ENDS_WITHIN = 10.0
NOTICED_WITHIN = 15.0  # seconds; the polls look every one to three


@pytest.mark.timeout(1200)
async def test_three_restarts_under_load_lose_nothing_and_stop_no_loop(
    the_town: Town, journal: Journal, size: Size, dice: random.Random
) -> None:
    some = size.of(600)
    async with _a_page_of_a_resident(the_town, journal, dice) as page:
        async with Crowd(the_town, journal, dice).at_work() as crowd:
            for end in (the_town.postgres.stop, the_town.postgres.kill, the_town.postgres.stop):
                await crowd.until_acknowledged(some)
                await page.visitor.hear_from_pool()
                end()
                await crowd.outside.until_away()
                the_town.postgres.start()
                await _until_served(the_town)
                assert all(process.ready() for process in the_town.processes)
            restarted_at = (await the_town.rows("SELECT now() AS at"))[0]["at"]
            await page.visitor.hear_from_pool()
            await crowd.until_acknowledged(some)
        await reckon(the_town, journal)
        assert page.seen.positions == [1, 2, 3, 4]
    print(f"{journal.acknowledged} acknowledged, {journal.repeats} sent again, 3 restarts, 0 lost, 0 doubled")
    assert {error.split()[2] for error in crowd.outside.server_errors} <= {"503"}
    await _every_loop_of_the_web_goes_on(the_town, journal, dice)
    await the_town.until(
        lambda: the_town.rows("SELECT 1 FROM core_schedule_tick WHERE scheduled_for > $1", restarted_at),
        within=150,
        what="a schedule fired after the restart",
    )
    await reckon(the_town, journal)
    for process in (the_town.web, the_town.worker):  # whoever lost a connection on the way would not end in time
        await process.asked_to_end(within=ENDS_WITHIN)
        process.start()
        await process.until_ready()


@pytest.mark.timeout(300)
async def test_processes_that_start_before_postgresql_wait_for_it(
    the_town: Town, journal: Journal, dice: random.Random
) -> None:
    the_town.postgres.stop()
    for process in (the_town.web, the_town.worker, the_town.other_worker):
        process.kill()
        process.start()
    try:
        await the_town.until(the_town.worker.ready, within=READY_SECONDS, what="a worker without its database")
    finally:
        the_town.postgres.start()
    await the_town.web.until_ready()
    async with Outside(the_town) as outside:
        await settled_in(outside, journal, dice)
    await reckon(the_town, journal)


@asynccontextmanager
async def _a_page_of_a_resident(town: Town, journal: Journal, dice: random.Random) -> AsyncIterator[Page]:
    async with Outside(town) as outside, aiohttp.ClientSession() as http:
        lin = await signed_in(outside, journal, dice)
        await lin.allow("pool", POOL_SCOPES)
        page = Page(lin)
        staying = asyncio.create_task(page.stay(http, outside))
        try:
            yield page
        finally:
            staying.cancel()
            await asyncio.gather(staying, return_exceptions=True)


async def _until_served(town: Town) -> None:
    begun = time.monotonic()
    while not await asyncio.to_thread(answers, town.settings.port, "/readyz"):
        assert time.monotonic() - begun < BACK_WITHIN, town.last_words()
        await asyncio.sleep(PAUSE)


async def _every_loop_of_the_web_goes_on(town: Town, journal: Journal, dice: random.Random) -> None:
    """Without Valkey there are no hints, so all that is noticed was noticed by a loop that asks PostgreSQL."""
    async with Outside(town) as outside, aiohttp.ClientSession() as http:
        lin, chen = await settled_in(outside, journal, dice), await settled_in(outside, journal, dice)
        town.valkey.kill()
        try:
            async with stream(http, outside, lin) as seen:
                await lin.hear_from_pool()
                await town.until(lambda: seen.positions, within=NOTICED_WITHIN, what="the inbox is polled")
            await _listings_are_polled(town, outside)
            await _usage_is_stored(town, outside, lin)
            await _ended_sessions_are_noticed(town, outside, chen)
        finally:
            town.valkey.start()


async def _listings_are_polled(town: Town, outside: Outside) -> None:
    change = "UPDATE registry_listing SET state = $1, version = version + 1 WHERE app_id = 'pool'"
    for state, status in (("suspended", 401), ("online", 400)):
        await town.execute(change, state)

        async def noticed(wanted: int = status) -> bool:
            answer = await outside.as_pool("/v1/cards", {}, key="nothing")
            return answer.status == wanted

        await town.until(noticed, within=NOTICED_WITHIN, what=f"the pool is {state}")


async def _usage_is_stored(town: Town, outside: Outside, visitor: Visitor) -> None:
    asked = "SELECT coalesce(sum(calls), 0) AS calls FROM registry_usage_minute WHERE app_id = 'library'"
    before = (await town.rows(asked))[0]["calls"]
    await visitor.enter_library()

    async def stored() -> bool:
        return bool((await town.rows(asked))[0]["calls"] > before)

    await town.until(stored, within=NOTICED_WITHIN, what="the usage of the library is stored")


async def _ended_sessions_are_noticed(town: Town, outside: Outside, visitor: Visitor) -> None:
    me = {"authorization": f"Bearer {visitor.token}"}
    other = UUID(visitor.session_id)
    await town.execute("UPDATE core_session SET ended_at = now() WHERE id = $1", other)

    async def noticed() -> bool:
        return (await outside.insist("GET", "/v1/me", headers=me)).status == 401

    await town.until(noticed, within=NOTICED_WITHIN, what="the end of a session is noticed")
    await town.execute("UPDATE core_session SET ended_at = NULL WHERE id = $1", other)

    async def forgotten() -> bool:
        return (await outside.insist("GET", "/v1/me", headers=me)).status == 200

    await town.until(forgotten, within=NOTICED_WITHIN, what="the session stands again, for the comparison")

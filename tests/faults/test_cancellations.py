"""A request is cancelled at any point: nothing hangs, no connection leaks, and what was answered is kept."""

import asyncio
import random
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import asyncpg
import httpx2
import pytest
from tortoise.backends.asyncpg.client import AsyncpgDBClient
from tortoise.connection import get_connection

from app_server import wiring
from app_server.database import credentials
from app_server.gateway.gateway import gateway_of
from app_server.kernel.settings import Mode, Settings
from app_server.kernel.unit_of_work import settle
from notifications.carrier_simulator import messages_url
from tests.city import City, open_city
from tests.conftest import EMPTY_ALL
from tests.faults.conftest import Size
from tests.faults.scene import Scene, scene
from tests.faults.wishes import Wish, Write
from tests.faults.writes import WRITES

CANCELLATIONS = 2000
AT_ONCE = 8  # as many as there are connections in the pool
HANGS_AFTER = 20.0


@dataclass
class Outcome:
    """What became of the requests: answered ones with their wishes, and those that were cut."""

    answered: list[tuple[Wish, httpx2.Response]] = field(default_factory=list)
    cut: list[Wish] = field(default_factory=list)


@pytest.fixture
async def demo_city(settings: Settings) -> AsyncIterator[City]:
    """An empty city with the simulators, so that every route there is has its place."""
    connection = await asyncpg.connect(**credentials(settings.database_url))
    await connection.execute(EMPTY_ALL)
    await connection.close()
    demo = {"mode": Mode.DEMO, "sms_secret": "secret", "sms_url": messages_url(settings.base_url, "banyan")}
    async with open_city(settings.model_copy(update=demo)) as opened:
        await opened.state["redis"].call("FLUSHALL")
        yield opened


def test_every_route_that_changes_something_is_cancelled_here(settings: Settings) -> None:
    everything = wiring.routes(settings.model_copy(update={"mode": Mode.DEMO}))
    there = {(route.method, route.path) for route in everything if route.method != "GET"}
    assert there == {(write.method, write.route) for write in WRITES}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.wish.__name__)
async def test_a_cancelled_write_leaves_nothing_behind_and_an_answered_one_is_kept(
    write: Write, demo_city: City, size: Size, dice: random.Random
) -> None:
    async with scene(demo_city, dice) as built:
        within, outcome = await _usual_seconds(built, write), Outcome()
        for _ in range(size.of(CANCELLATIONS)):  # enough even for a route that never waits, and is hardly ever cut
            before = len(outcome.cut)
            await _wave(built, write, within, outcome)
            if len(outcome.cut) >= size.of(CANCELLATIONS):
                break
            within *= 0.85 if len(outcome.cut) - before < AT_ONCE // 2 else 1.1
        assert outcome.cut
        await settle(HANGS_AFTER)
        await _no_connection_is_held(demo_city)
        await _what_was_answered_is_kept(outcome)
        await _a_repeat_acts_once(built, write, outcome, dice)
        await _usual_seconds(built, write)
        print(f"{len(outcome.cut)} cancelled, {len(outcome.answered)} answered before")


async def _usual_seconds(built: Scene, write: Write) -> float:
    """How long half of the requests of a wave take when nobody cancels; every one of them is answered."""
    wishes = await _wishes(built, write)
    seconds: list[float] = []
    begun = time.perf_counter()

    async def ask(wish: Wish) -> httpx2.Response:
        answer = await _ask(built, write, wish)
        seconds.append(time.perf_counter() - begun)
        return answer

    async with asyncio.timeout(HANGS_AFTER):
        answers = await asyncio.gather(*(ask(wish) for wish in wishes))
    assert all(answer.status_code < 500 for answer in answers), answers
    assert any(answer.status_code < 400 for answer in answers), [answer.text for answer in answers]
    return statistics.median(seconds)


async def _wave(built: Scene, write: Write, within: float, outcome: Outcome) -> None:
    wishes = await _wishes(built, write)
    tasks = [asyncio.create_task(_ask(built, write, wish)) for wish in wishes]
    begun = time.perf_counter()
    for due, task in sorted(((built.dice.uniform(0, within), task) for task in tasks), key=lambda pair: pair[0]):
        await _turn_until(begun + due)
        task.cancel()
    _, hanging = await asyncio.wait(tasks, timeout=HANGS_AFTER)
    assert not hanging, "a cancelled request hangs"
    for wish, task in zip(wishes, tasks, strict=True):
        if task.cancelled():
            outcome.cut.append(wish)
        else:
            answer = task.result()
            assert answer.status_code < 500, answer.text
            outcome.answered.append((wish, answer))


async def _wishes(built: Scene, write: Write) -> list[Wish]:
    return await asyncio.gather(*(write.wish(built) for _ in range(AT_ONCE)))


async def _turn_until(moment: float) -> None:
    """Let the loop turn and turn, so that the moment falls between any two of its steps."""
    while True:
        if time.perf_counter() >= moment:
            return
        await asyncio.sleep(0)


async def _ask(built: Scene, write: Write, wish: Wish) -> httpx2.Response:
    return await built.http.request(write.method, wish.path, headers=wish.headers, **wish.options)


async def _no_connection_is_held(city: City) -> None:
    """The pool has all of its connections, and PostgreSQL sees none of them in a transaction."""
    client = get_connection("default")
    assert isinstance(client, AsyncpgDBClient)
    pool = client._pool
    assert pool is not None
    async with asyncio.timeout(HANGS_AFTER):  # a leaked connection would be waited for, for ever
        held = await asyncio.gather(*(pool.acquire() for _ in range(city.settings.database_pool)))
    for connection in held:
        await pool.release(connection)
    sessions = await city.rows("SELECT state FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'")
    assert not sessions
    half_kept = await city.rows("SELECT 1 FROM core_idempotent_answer WHERE status = 0")
    assert not half_kept
    assert all(site.calls_under_way == 0 for site in gateway_of(city.state).sites())


async def _what_was_answered_is_kept(outcome: Outcome) -> None:
    for wish, answer in outcome.answered:
        if answer.status_code < 400 and wish.effects is not None:
            assert await wish.effects(answer) == 1, f"acknowledged, and lost or doubled: {wish.path}"


async def _a_repeat_acts_once(built: Scene, write: Write, outcome: Outcome, dice: random.Random) -> None:
    """Who was cut off sends the same again, if the route takes a key; the effect is there once, not twice."""
    for wish in dice.sample(outcome.cut, min(50, len(outcome.cut))):
        if wish.effects is None:
            continue
        assert await wish.effects(None) <= 1
        if wish.repeatable and write.route != "/v1/verifications":  # a code may be used up without an answer
            answer = await _ask(built, write, wish)
            assert answer.status_code < 300, answer.text
            assert await wish.effects(answer) == 1

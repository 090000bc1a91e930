"""What is sent twice at once acts once; what its worker cannot survive is given up; the clock strikes once."""

import asyncio
import random
from collections import Counter
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest

from app_server import wiring, worker
from app_server.kernel import jobs
from app_server.kernel.ids import uuid7
from app_server.kernel.jobs import Job, enqueue, run_job, take_due_jobs
from app_server.kernel.settings import Settings
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute, in_unit_of_work
from tests.city import City
from tests.faults.conftest import Size
from tests.faults.scene import Scene, scene
from tests.faults.wishes import Wish, Write
from tests.faults.writes import WRITES

KEYED = [
    write
    for write in WRITES
    if write.route
    in (
        "/v1/consents",
        "/v1/mandates",
        "/v1/operator/dependants",
        "/v1/operator/companies",
        "/v1/operator/mandates",
        "/v1/companies/{id:uuid}/officers",
        "/v1/notices",
        "/v1/cards",
        "/v1/cards/{id:uuid}/status",
        "/v1/provider/clients",
        "/v1/operator/listings/{app_id}/lift",
        "/v1/operator/listings/{app_id}/suspension",
        "/v1/operator/recoveries",
        "/v1/verifiers",
        "/v1/verifiers/{id:uuid}/enrolment-code",
    )
]
BY_ITS_OWN_TABLE = {("POST", "/v1/verifications")}  # below: a code read many times at once


def test_every_route_that_takes_a_key_is_called_twice_here(settings: Settings) -> None:
    keyed = {
        (route.method, route.path) for route in wiring.routes(settings) if hasattr(route.endpoint, "__idempotency__")
    }
    assert keyed == {(write.method, write.route) for write in KEYED} | BY_ITS_OWN_TABLE


@pytest.mark.parametrize("write", KEYED, ids=lambda write: write.wish.__name__)
async def test_the_same_key_at_once_acts_once_and_says_the_same(
    write: Write, city: City, size: Size, dice: random.Random
) -> None:
    async with scene(city, dice) as built:
        for _ in range(size.of(200)):
            wish = await write.wish(built)
            wish = replace(wish, headers={"idempotency-key": str(uuid7()), **wish.headers})
            times = dice.randint(2, 20)
            answers = await asyncio.gather(*(_ask(built, write, wish) for _ in range(times)))
            assert wish.effects is not None
            assert await wish.effects(None) == 1
            assert len({(answer.status_code, answer.content) for answer in answers}) == 1, answers
            assert answers[0].status_code < 300
            replays = [answer for answer in answers if answer.headers.get("idempotent-replay")]
            assert len(replays) == times - 1
            other = await _ask(built, write, replace(wish, options={"json": {"other": "content"}}))
            assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_code_read_many_times_at_once_is_one_presentation(city: City, size: Size, dice: random.Random) -> None:
    verification = next(write for write in WRITES if write.route == "/v1/verifications")
    async with scene(city, dice) as built:
        for _ in range(size.of(200)):
            wish = await verification.wish(built)
            asked = (_ask(built, verification, wish) for _ in range(dice.randint(2, 20)))
            answers = await asyncio.gather(*asked)
            assert wish.effects is not None
            assert await wish.effects(None) == 1
            answers.append(await _ask(built, verification, wish))
            assert {answer.status_code for answer in answers} == {201}
            assert len({answer.json()["id"] for answer in answers}) == 1


async def test_a_job_that_kills_its_worker_goes_to_the_dead_letters_after_five(city: City) -> None:
    begun = 0

    async def deadly(payload: dict[str, Any], *, state: AppState) -> None:
        nonlocal begun
        begun += 1
        raise asyncio.CancelledError  # as when the process dies: nobody can write down what happened

    catalogue = {"deadly": Job(name="deadly", handler=deadly, transactional=False)}
    await in_unit_of_work(enqueue)("deadly", {}, unique_key="deadly")
    for _ in range(7):
        for job_id in await take_due_jobs():
            with pytest.raises(asyncio.CancelledError) if begun < 5 else nullcontext():
                await run_job(job_id, catalogue, city.state)
        await city.execute(
            "UPDATE core_job SET leased_until = now() - interval '1 second', submitted_at = NULL"
            " WHERE state = 'waiting'"
        )
    row = (await city.rows("SELECT state, attempts, last_error FROM core_job"))[0]
    assert begun == 5
    assert (row["state"], row["last_error"]) == ("dead", "its worker died each time")


async def test_two_workers_never_run_one_job_at_once(city: City, size: Size, dice: random.Random) -> None:
    now, most, runs = Counter[UUID](), Counter[UUID](), Counter[UUID]()

    async def watched(payload: dict[str, Any], *, state: AppState) -> None:
        job = UUID(payload["id"])
        now[job] += 1
        most[job] = max(most[job], now[job])
        await asyncio.sleep(dice.random() * 0.02)
        now[job] -= 1
        runs[job] += 1
        if dice.random() < 0.2:
            raise RuntimeError("not this time")

    catalogue = {"watched": Job(name="watched", handler=watched, most_attempts=50)}
    ids = [uuid7() for _ in range(size.of(200))]
    for job in ids:
        await in_unit_of_work(enqueue)("watched", {"id": str(job)}, unique_key=str(job))
    while await city.rows("SELECT 1 FROM core_job WHERE state = 'waiting'"):
        due = await take_due_jobs()
        await asyncio.gather(*(run_job(each, catalogue, city.state) for each in due for _ in range(3)))
        await city.execute("UPDATE core_job SET run_at = now(), submitted_at = NULL WHERE state = 'waiting'")
    assert set(runs) == set(ids)
    assert set(most.values()) == {1}


async def test_a_job_over_its_budget_has_ended_when_the_next_worker_begins(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "BUDGET", timedelta(seconds=0.2))
    under_way = 0

    async def slow(payload: dict[str, Any], *, state: AppState) -> None:
        nonlocal under_way
        assert not under_way
        under_way += 1
        try:
            await execute("SELECT pg_sleep(30)")
        finally:
            under_way -= 1

    catalogue = {"slow": Job(name="slow", handler=slow)}
    await in_unit_of_work(enqueue)("slow", {}, unique_key="slow")
    for attempt in (1, 2):
        (job_id,) = await take_due_jobs()
        async with asyncio.timeout(10):
            await run_job(job_id, catalogue, city.state)
        row = (await city.rows("SELECT state, attempts FROM core_job"))[0]
        assert (row["state"], row["attempts"], under_way) == ("waiting", attempt, 0)
        assert not await city.rows(
            "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"
        )
        await city.execute("UPDATE core_job SET run_at = now()")


async def test_a_schedule_fires_once_with_three_workers(city: City, size: Size) -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    ticks = [begin + timedelta(minutes=n) for n in range(size.of(200))]
    for due in ticks:
        fired = await asyncio.gather(*(worker.fire("expire_sms", due) for _ in range(3)))
        assert sorted(fired) == [False, False, True]
    assert len(await city.rows("SELECT 1 FROM core_schedule_tick")) == len(ticks)
    assert len(await city.rows("SELECT 1 FROM core_job")) == len(ticks)


async def _ask(built: Scene, write: Write, wish: Wish) -> httpx2.Response:
    return await built.http.request(write.method, wish.path, headers=wish.headers, **wish.options)

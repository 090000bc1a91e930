"""A run of a job: once, in its time, and given up when nobody can help it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app_server.kernel.ids import uuid7
from app_server.kernel.jobs import GiveUp, Job, enqueue, give_back, run_job, take_due_jobs
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute, in_unit_of_work
from app_server.worker import fire
from tests.city import City

add = in_unit_of_work(enqueue)


async def run_due(city: City, *jobs: Job) -> int:
    """Run what is due, as the worker would; how many there were."""
    due = await take_due_jobs()
    for job_id in due:
        await run_job(job_id, {job.name: job for job in jobs}, city.state)
    return len(due)


async def the_job(city: City) -> Any:
    (row,) = await city.rows("SELECT state, attempts, last_error, run_at - now() AS ahead FROM core_job")
    return row


async def writes(payload: dict[str, Any], *, state: AppState) -> None:
    """Leaves a trace in a table, in the job's own transaction."""
    await execute(
        "INSERT INTO core_schedule_tick (id, job_id, scheduled_for) VALUES ($1, $2, now())", uuid7(), payload["trace"]
    )
    if payload.get("fails"):
        raise ValueError("no way to reach +8613800000001")


async def test_a_job_is_done_once_under_its_key(city: City) -> None:
    for _ in range(2):
        await add("writes", {"trace": "a"}, unique_key="one")
    assert await run_due(city, Job(name="writes", handler=writes)) == 1
    assert await run_due(city, Job(name="writes", handler=writes)) == 0
    assert (await the_job(city))["state"] == "done"
    assert len(await city.rows("SELECT 1 FROM core_schedule_tick")) == 1


async def test_a_job_that_fails_leaves_nothing_of_itself_and_waits_longer_each_time(city: City) -> None:
    await add("writes", {"trace": "a", "fails": True}, unique_key="one")
    pauses = []
    for attempt in (1, 2, 3):
        assert await run_due(city, Job(name="writes", handler=writes)) == 1
        row = await the_job(city)
        assert (row["state"], row["attempts"]) == ("waiting", attempt)
        pauses.append(row["ahead"])
        assert await take_due_jobs() == []  # not before its time
        await city.execute("UPDATE core_job SET run_at = now()")
    assert timedelta() < pauses[0] < pauses[1] < pauses[2]
    assert await city.rows("SELECT 1 FROM core_schedule_tick") == []


async def test_the_reason_that_is_kept_names_no_number(city: City) -> None:
    await add("writes", {"trace": "a", "fails": True}, unique_key="one")
    await run_due(city, Job(name="writes", handler=writes))
    assert (await the_job(city))["last_error"] == "ValueError: no way to reach …"


async def test_a_job_that_nobody_can_help_is_given_up_at_once_with_its_reason(city: City) -> None:
    async def hopeless(payload: dict[str, Any], *, state: AppState) -> None:
        raise GiveUp("there is no such app")

    await add("hopeless", {}, unique_key="one")
    await add("unheard_of", {}, unique_key="two")
    assert await run_due(city, Job(name="hopeless", handler=hopeless)) == 2
    rows = await city.rows("SELECT state, last_error FROM core_job ORDER BY name")
    assert [tuple(row) for row in rows] == [
        ("dead", "there is no such app"),
        ("dead", "this version knows no such job"),
    ]


@pytest.mark.parametrize("transactional", [True, False])
async def test_who_lost_the_lease_does_not_finish_the_job(city: City, transactional: bool) -> None:
    async def overtaken(payload: dict[str, Any], *, state: AppState) -> None:
        await writes({"trace": "a"}, state=state)
        await execute("UPDATE core_job SET lease = $1", uuid7())  # as if another worker had taken it over

    await add("overtaken", {}, unique_key="one")
    await run_due(city, Job(name="overtaken", handler=overtaken, transactional=transactional))
    assert (await the_job(city))["state"] == "waiting"
    assert len(await city.rows("SELECT 1 FROM core_schedule_tick")) == (0 if transactional else 1)


async def test_a_job_waits_for_its_time_and_a_returned_one_is_due_at_once(city: City) -> None:
    await add("writes", {"trace": "a"}, unique_key="one", run_at=datetime.now(UTC) + timedelta(hours=1))
    assert await take_due_jobs() == []
    await city.execute("UPDATE core_job SET run_at = now()")
    due = await take_due_jobs()
    assert len(due) == 1
    assert await take_due_jobs() == []  # it was handed out
    await give_back(due)
    assert await take_due_jobs() == due


async def test_what_the_engine_forgot_is_handed_out_again(city: City) -> None:
    await add("writes", {"trace": "a"}, unique_key="one")
    due = await take_due_jobs()
    await city.execute("UPDATE core_job SET submitted_at = now() - interval '1 minute'")
    assert await take_due_jobs() == due


async def test_who_writes_the_due_time_first_fires_it(city: City) -> None:
    due = datetime(2026, 11, 22, 2, 43, tzinfo=UTC)
    assert [await fire("clear_done", due) for _ in range(3)] == [True, False, False]
    assert await fire("clear_done", due + timedelta(days=1))
    assert len(await city.rows("SELECT 1 FROM core_job WHERE name = 'clear_done'")) == 2


async def test_two_workers_that_are_handed_one_job_do_not_run_it_at_once(city: City) -> None:
    runs = 0
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def slow(payload: dict[str, Any], *, state: AppState) -> None:
        nonlocal runs
        runs += 1
        begun.set()
        await may_end.wait()

    await add("slow", {}, unique_key="one")
    (job_id,) = await take_due_jobs()
    jobs = {"slow": Job(name="slow", handler=slow, transactional=False)}
    first = asyncio.create_task(run_job(job_id, jobs, city.state))
    await begun.wait()
    second = asyncio.create_task(run_job(job_id, jobs, city.state))
    await asyncio.wait([second], timeout=1)
    may_end.set()
    await asyncio.gather(first, second)
    assert runs == 1
    assert (await the_job(city))["attempts"] == 1


async def test_a_job_whose_lease_ran_out_is_run_by_the_next_worker(city: City) -> None:
    await add("writes", {"trace": "a"}, unique_key="one")
    for held, state in (("now() + interval '1 second'", "waiting"), ("now() - interval '1 second'", "done")):
        await city.execute(f"UPDATE core_job SET leased_until = {held}")
        ((job_id,),) = await city.rows("SELECT id FROM core_job")
        await run_job(job_id, {"writes": Job(name="writes", handler=writes)}, city.state)
        assert (await the_job(city))["state"] == state

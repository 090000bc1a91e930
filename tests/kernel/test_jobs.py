"""The queue of jobs: what waits in it, and what lies with the engine."""

from typing import Any

from app_server.kernel.jobs import MOST_SUBMITTED, Job, enqueue, run_job, take_due_jobs
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import in_unit_of_work
from tests.city import City


@in_unit_of_work
async def _queue(number: int) -> None:
    for n in range(number):
        await enqueue("count", {}, unique_key=f"count:{n}")


async def test_a_long_queue_waits_with_us_and_is_worked_off_to_the_last(city: City) -> None:
    done = 0

    async def count(payload: dict[str, Any], *, state: AppState) -> None:
        nonlocal done
        done += 1

    await _queue(2 * MOST_SUBMITTED + 50)
    submitted = [job_id for _ in range(10) for job_id in await take_due_jobs()]
    assert len(submitted) == len(set(submitted)) == MOST_SUBMITTED
    catalogue = {"count": Job(name="count", handler=count)}
    while submitted:
        for job_id in submitted:
            await run_job(job_id, catalogue, city.state)
        submitted = await take_due_jobs()
    assert done == 2 * MOST_SUBMITTED + 50


async def test_what_the_engine_lost_is_submitted_again(city: City) -> None:
    await _queue(3)
    lost = await take_due_jobs()
    assert len(lost) == 3
    assert await take_due_jobs() == []
    await city.execute("UPDATE core_job SET submitted_at = now() - interval '5 seconds'")
    assert set(await take_due_jobs()) == set(lost)

"""Work for later. The row in PostgreSQL is the truth: attempts, lease and state; the engine behind the port only
distributes, so whatever it forgets is submitted again.

A job's handler and the mark that it is done are one transaction: its effects in PostgreSQL happen once, whatever dies.
A job that talks to the outside (`transactional=False`) may run twice and must say the same thing both times.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import orjson

from app_server.kernel.ids import uuid7
from app_server.kernel.logs import logger, redact
from app_server.kernel.metrics import JOBS
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute, fetch, fetchrow, in_unit_of_work

BUDGET = timedelta(seconds=15)  # how long a handler may take; larger work goes page by page
LEASE = BUDGET + timedelta(seconds=5)  # a lease outlives the budget, so two workers never hold one job
RESUBMIT = timedelta(seconds=4)  # the engine has lost what it did not start by then
MOST_SUBMITTED = 200  # jobs that may lie with the engine; a longer queue would be submitted again and again
LONGEST_PAUSE = timedelta(minutes=5)

log = logger(__name__)


class Handler(Protocol):
    """What a job does."""

    def __call__(self, payload: dict[str, Any], *, state: AppState) -> Awaitable[None]:
        """Do it, or raise and be called again later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A kind of work, its handler, and after how many attempts it goes to the dead letters.

    A failed attempt is repeated after `first_pause`, the next ones after twice the pause before, up to `LONGEST_PAUSE`.
    """

    name: str
    handler: Handler
    transactional: bool = True
    most_attempts: int = 5
    first_pause: timedelta = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A job that falls due by the clock: `cron` has five fields, in UTC."""

    job: str
    cron: str


class GiveUp(Exception):
    """Raised by a handler when another attempt cannot help; the text is kept with the dead letter."""


class Engine(Protocol):
    """What distributes jobs among workers: four methods, and any number of messages may be lost or doubled."""

    async def open(self) -> None:
        """Connect."""

    async def submit(self, job_id: UUID) -> None:
        """Let some worker run the job soon."""

    async def work(self, run: Callable[[UUID], Awaitable[None]]) -> None:
        """Run submitted jobs until cancelled."""

    async def close(self) -> None:
        """Disconnect."""


async def enqueue(name: str, payload: Mapping[str, Any], *, unique_key: str, run_at: datetime | None = None) -> None:
    """Add a job in the present unit of work; nothing happens when `unique_key` is already there."""
    await execute(
        "INSERT INTO core_job (id, name, payload, unique_key, state, attempts, run_at, created_at)"
        " VALUES ($1, $2, $3::jsonb, $4, 'waiting', 0, coalesce($5, now()), now())"
        " ON CONFLICT (unique_key) DO NOTHING",
        uuid7(),
        name,
        orjson.dumps(payload).decode(),
        unique_key,
        run_at,
    )


@in_unit_of_work
async def take_due_jobs(most: int = 100) -> list[UUID]:
    """The jobs that are due and with nobody, marked as submitted; call `Engine.submit` for each.

    The rest of a long queue waits here: all workers together have no more than `MOST_SUBMITTED` with the engine.
    """
    rows = await fetch(
        "UPDATE core_job SET submitted_at = now() WHERE id IN ("
        " SELECT id FROM core_job WHERE state = 'waiting' AND run_at <= now()"
        " AND (submitted_at IS NULL OR submitted_at < now() - $1::interval)"
        " AND (leased_until IS NULL OR leased_until < now())"
        " ORDER BY run_at LIMIT greatest(0, least($2, $3 - (SELECT count(*) FROM core_job WHERE state = 'waiting'"
        " AND submitted_at >= now() - $1::interval AND (leased_until IS NULL OR leased_until < now()))))"
        " FOR UPDATE SKIP LOCKED) RETURNING id",
        RESUBMIT,
        most,
        MOST_SUBMITTED,
    )
    return [row["id"] for row in rows]


@in_unit_of_work
async def give_back(job_ids: list[UUID]) -> None:
    """The jobs could not be submitted; they are due at once again."""
    await execute("UPDATE core_job SET submitted_at = NULL WHERE id = ANY($1)", job_ids)


async def run_job(job_id: UUID, jobs: Mapping[str, Job], state: AppState) -> None:
    """Run one job, unless it is done, dead, or with another worker."""
    lease = uuid7()
    row = await _claim(job_id, lease)
    if row is None:
        return
    job = jobs.get(row["name"])
    payload = orjson.loads(row["payload"])
    try:
        if job is None:
            raise GiveUp("this version knows no such job")
        if row["attempts"] > job.most_attempts:
            raise GiveUp(row["last_error"] or "its worker died each time")
        if job.transactional:
            await _run_and_finish(job, payload, job_id, lease, state)
        else:
            await _handle(job, payload, state)
            await _finish(job_id, lease)
    except GiveUp as reason:
        await _bury(job_id, lease, str(reason))
        log.error("job_dead", job=row["name"], job_id=job_id, reason=str(reason))
        JOBS.labels(row["name"], "dead").inc()
    except Exception as error:
        pause = min((job.first_pause if job else LONGEST_PAUSE) * 2 ** min(row["attempts"] - 1, 10), LONGEST_PAUSE)
        await _postpone(job_id, lease, pause, redact(f"{type(error).__name__}: {error}")[:500])
        log.warning("job_failed", job=row["name"], job_id=job_id, attempt=row["attempts"], reason=type(error).__name__)
        JOBS.labels(row["name"], "failed").inc()
    else:
        JOBS.labels(row["name"], "done").inc()


@in_unit_of_work
async def _claim(job_id: UUID, lease: UUID) -> Any:
    return await fetchrow(
        "UPDATE core_job SET attempts = attempts + 1, lease = $2, leased_until = now() + $3::interval"
        " WHERE id = $1 AND state = 'waiting' AND run_at <= now() AND (leased_until IS NULL OR leased_until < now())"
        " RETURNING name, payload, attempts, last_error",
        job_id,
        lease,
        LEASE,
    )


@in_unit_of_work
async def _run_and_finish(job: Job, payload: dict[str, Any], job_id: UUID, lease: UUID, state: AppState) -> None:
    await _handle(job, payload, state)
    await _finish(job_id, lease)


async def _handle(job: Job, payload: dict[str, Any], state: AppState) -> None:
    """Within the budget. The time limit stands inside the unit of work: from outside it would end the waiting only, and
    the next worker would begin while this one goes on.
    """
    async with asyncio.timeout(BUDGET.total_seconds()):
        await job.handler(payload, state=state)


@in_unit_of_work
async def _finish(job_id: UUID, lease: UUID) -> None:
    done = await execute(
        "UPDATE core_job SET state = 'done', ended_at = now(), leased_until = NULL"
        " WHERE id = $1 AND lease = $2 AND state = 'waiting'",
        job_id,
        lease,
    )
    if not done:
        raise TimeoutError("the lease passed to another worker")


@in_unit_of_work
async def _postpone(job_id: UUID, lease: UUID, pause: timedelta, error: str) -> None:
    await execute(
        "UPDATE core_job SET leased_until = NULL, submitted_at = NULL, run_at = now() + $3::interval, last_error = $4"
        " WHERE id = $1 AND lease = $2 AND state = 'waiting'",
        job_id,
        lease,
        pause,
        error,
    )


@in_unit_of_work
async def _bury(job_id: UUID, lease: UUID, reason: str) -> None:
    await execute(
        "UPDATE core_job SET state = 'dead', ended_at = now(), leased_until = NULL, last_error = $3"
        " WHERE id = $1 AND lease = $2 AND state = 'waiting'",
        job_id,
        lease,
        reason[:500],
    )

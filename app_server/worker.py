"""The worker process: hands facts to their reactions, runs jobs, and is the only place where APScheduler runs.

Any number of workers may run. Each loop does every turn in a task of its own, so that a turn that an engine's restart
broke leaves nothing behind.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger

from app_server import wiring
from app_server.kernel.docket_engine import DocketEngine
from app_server.kernel.events import PAGE, deliver_outbox
from app_server.kernel.ids import uuid7
from app_server.kernel.jobs import Engine, enqueue, give_back, run_job, take_due_jobs
from app_server.kernel.logs import configure, logger
from app_server.kernel.settings import Settings
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute, in_unit_of_work
from app_server.process import process

PAUSE = 0.15  # seconds between looks at the outbox and the due jobs when there is nothing to do
AFTER_FAILURE = 1.0
JOBS_END_WITHIN = 4.0  # seconds that jobs under way get at the end; then they are left to their lease

log = logger(__name__)


def run() -> None:
    """Work until SIGTERM or SIGINT."""
    settings = Settings.from_env()
    configure(settings.log_level)
    asyncio.run(work(settings))


async def work(settings: Settings) -> None:
    """Work until the process is told to stop; jobs under way are finished or left to their lease."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with process(settings) as state:
        engine = DocketEngine(settings.redis_url, concurrency=settings.worker_concurrency)
        scheduler = _scheduler(settings)
        scheduler.start()
        loops = [
            asyncio.create_task(_until(stop, "outbox", lambda: deliver_outbox(wiring.REACTIONS), full=PAGE)),
            asyncio.create_task(_until(stop, "due_jobs", lambda: _submit_due(engine), full=100)),
            asyncio.create_task(_until(stop, "engine", lambda: _run_engine(engine, settings, state))),
        ]
        log.info("worker_ready")
        await stop.wait()
        scheduler.shutdown(wait=False)
        for task in loops:
            task.cancel()
        _, unfinished = await asyncio.wait(loops, timeout=JOBS_END_WITHIN)
        if unfinished:
            log.warning("jobs_left_to_their_lease")
    log.info("worker_stopped")


async def _until(stop: asyncio.Event, name: str, turn: Callable[[], Awaitable[int]], full: int = 0) -> None:
    """Take turns until the stop; at once after a full one, after a pause otherwise.

    No ending of a turn ends the loop: neither one that swallows a cancellation (the engine finishes its jobs first) nor
    one that was cancelled by something below it.
    """
    while not stop.is_set():
        pause = PAUSE
        try:
            done = await asyncio.ensure_future(turn())
            if full and done >= full:
                continue
        except (Exception, asyncio.CancelledError) as error:
            if stop.is_set():
                return
            log.warning("turn_failed", loop=name, reason=type(error).__name__)
            pause = AFTER_FAILURE
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await stop.wait()


async def _submit_due(engine: Engine) -> int:
    due = await take_due_jobs()
    try:
        for job_id in due:
            await engine.submit(job_id)
    except Exception:
        await give_back(due)
        raise
    return len(due)


async def _run_engine(engine: Engine, settings: Settings, state: AppState) -> int:
    """Run submitted jobs; returns or raises when the engine's connection is lost for good."""
    jobs = wiring.jobs(settings)
    await engine.open()
    try:
        await engine.work(lambda job_id: run_job(job_id, jobs, state))
    finally:
        with suppress(Exception):
            await engine.close()
    return 0


def _scheduler(settings: Settings) -> AsyncIOScheduler:
    """APScheduler computes due times and nothing else: who inserts the tick fires it."""
    scheduler = AsyncIOScheduler(timezone=UTC)
    for schedule in wiring.schedules(settings):
        scheduler.add_job(
            _fire,
            CronTrigger.from_crontab(schedule.cron, timezone=UTC),
            args=(schedule.job,),
            id=schedule.job,
            coalesce=True,
            misfire_grace_time=60,
            max_instances=1,
        )
    return scheduler


async def _fire(job: str) -> None:
    due = datetime.now(UTC).replace(second=0, microsecond=0)
    try:
        if await asyncio.create_task(fire(job, due)):
            log.info("schedule_fired", job=job)
    except Exception as error:
        log.warning("schedule_not_fired", job=job, reason=type(error).__name__)


@in_unit_of_work
async def fire(job: str, due: datetime) -> bool:
    """Enqueue the job for this due time unless another worker has; whether it was this one."""
    fired = await execute(
        "INSERT INTO core_schedule_tick (id, job_id, scheduled_for) VALUES ($1, $2, $3)"
        " ON CONFLICT (job_id, scheduled_for) DO NOTHING",
        uuid7(),
        job,
        due,
    )
    if fired:
        await enqueue(job, {}, unique_key=f"schedule:{job}:{due.isoformat()}")
    return bool(fired)

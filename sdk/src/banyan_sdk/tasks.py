"""What runs beside the requests: background tasks that never end, and jobs at their times."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from banyan_sdk import speech
from banyan_sdk.client import Platform
from banyan_sdk.schedule import Cron

log = logging.getLogger("banyan.tasks")

Task = Callable[[Platform], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Job:
    name: str
    cron: Cron
    zone: tzinfo
    at_start: bool
    run: Task


async def forever(name: str, run: Task, platform: Platform) -> None:
    pause = 1
    while True:
        started = time.monotonic()
        try:
            await run(platform)
        except Exception:
            pause = 1 if time.monotonic() - started > 60 else min(pause * 2, 60)
            log.exception(speech.TASK_FAILED, name, pause)
        await asyncio.sleep(pause)


async def on_schedule(job: Job, platform: Platform) -> None:
    due: datetime | None = datetime.now(job.zone)
    if not job.at_start:
        due = job.cron.after(datetime.now(job.zone))
    while due is not None:
        await _until(due)
        try:
            await job.run(platform)
        except Exception:
            log.exception(speech.JOB_FAILED, job.name)
        due = job.cron.after(datetime.now(job.zone))


async def _until(due: datetime) -> None:
    """Sleep in short naps, so that a clock that is set or a laptop that slept does not shift the hour."""
    while True:
        left = (due - datetime.now(due.tzinfo)).total_seconds()
        if left <= 0:
            return
        await asyncio.sleep(min(left, 30))

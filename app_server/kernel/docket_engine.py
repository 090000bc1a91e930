"""The job engine: pydocket on Redis Streams."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

from docket import Docket, Worker

from app_server.kernel.ids import uuid7


class DocketEngine:
    """Distributes job ids. Every submission is a task of its own: repeats are sorted out by the lease in PostgreSQL."""

    def __init__(self, url: str, *, concurrency: int) -> None:
        self._docket = Docket(name="banyan", url=url, execution_ttl=timedelta(0))
        self._concurrency = concurrency
        self._opened = asyncio.Event()
        self._run: Callable[[UUID], Awaitable[None]] | None = None
        self._docket.register(self._task, names=["run_job"])

    async def open(self) -> None:
        """Connect."""
        await self._docket.__aenter__()
        self._opened.set()

    async def submit(self, job_id: UUID) -> None:
        """Let some worker run the job soon."""
        await self._opened.wait()
        await self._docket.add("run_job", key=str(uuid7()))(str(job_id))

    async def work(self, run: Callable[[UUID], Awaitable[None]]) -> None:
        """Run submitted jobs until cancelled."""
        self._run = run
        worker = Worker(
            self._docket,
            concurrency=self._concurrency,
            reconnection_delay=timedelta(seconds=1),
            minimum_check_interval=timedelta(milliseconds=50),
            redelivery_timeout=timedelta(seconds=30),
            schedule_automatic_tasks=False,
        )
        async with worker:
            await worker.run_forever()

    async def close(self) -> None:
        """Disconnect."""
        self._opened.clear()
        await self._docket.__aexit__(None, None, None)

    async def _task(self, job_id: str) -> None:
        if self._run is not None:
            await self._run(UUID(job_id))

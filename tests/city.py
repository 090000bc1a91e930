"""A whole city in one process: its pages and API by HTTP, its worker by hand, its clock to be moved."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2

from app_server import wiring
from app_server.identity import service as identity
from app_server.kernel.clock import system_clock
from app_server.kernel.events import deliver_outbox
from app_server.kernel.jobs import run_job, take_due_jobs
from app_server.kernel.settings import Settings
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute, fetch
from app_server.main import App
from app_server.process import process
from notifications.models import SMS_TEXT, SMS_TO
from tests.actors import Person


class MovingClock:
    """The system's clock plus what a test added."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return system_clock() + self.ahead


class City:
    """What tests do to a city and see of it."""

    def __init__(self, state: AppState, app: App, clock: MovingClock) -> None:
        self.state = state
        self.app = app
        self.clock = clock
        self.settings = state["settings"]

    def browser(self, **headers: str) -> httpx2.AsyncClient:
        """A client with its own cookies. It does not say where it comes from; add `origin` to act as a page."""
        transport = httpx2.ASGITransport(app=_WithState(self.app, self.state))
        return httpx2.AsyncClient(transport=transport, base_url=self.settings.base_url, headers=headers)

    async def person(self, phone: str = "+8613800000001", name: str = "林依婷", roles: tuple[str, ...] = ()) -> Person:
        """Somebody who has signed in, with an access token."""
        await identity.register_person(phone, name=name, roles=list(roles), keys=self.state["keys"])
        person = Person(self, phone)
        await person.sign_in()
        return person

    async def last_text(self, phone: str) -> str:
        """The text message that was last sent to a number."""
        keys = self.state["keys"]
        for row in await fetch('SELECT "to", text FROM notifications_delivery ORDER BY id DESC'):
            if keys.open(SMS_TO, row["to"]) == phone:
                return keys.open(SMS_TEXT, row["text"])
        raise AssertionError(f"no message to {phone}")

    async def last_code(self, phone: str) -> str:
        """The one-time code that was last sent to a number."""
        await self.forget_limits()
        digits = "".join(c if c.isdigit() else " " for c in await self.last_text(phone)).split()
        return next(run for run in digits if len(run) == 6)

    async def forget_limits(self) -> None:
        """Let the limits begin anew, so that a test may send several codes to one number."""
        for key in await self.state["redis"].call("KEYS", "limit:*"):
            await self.state["redis"].call("DEL", key)

    async def work(self) -> None:
        """Do what the worker would: deliver every fact, run every job that is due, until nothing is left."""
        jobs = wiring.jobs(self.settings)
        while True:
            delivered = await deliver_outbox(wiring.REACTIONS)
            due: list[UUID] = await take_due_jobs()
            for job_id in due:
                await run_job(job_id, jobs, self.state)
            if not delivered and not due:
                return

    async def rows(self, sql: str, *values: object) -> list[Any]:
        """Look into the tables."""
        return await fetch(sql, *values)

    async def execute(self, sql: str, *values: object) -> int:
        """Change the tables behind the city's back."""
        return await execute(sql, *values)


class _WithState:
    """uvicorn gives each request the lifespan's state; so does this."""

    def __init__(self, app: App, state: AppState) -> None:
        self._app, self._state = app, state

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        scope["state"] = dict(self._state)
        await self._app(scope, receive, send)


@asynccontextmanager
async def open_city(settings: Settings) -> AsyncIterator[City]:
    """Open the process's state without starting a server."""
    clock = MovingClock()
    async with process(settings, clock) as state:
        yield City(state, App(settings, clock), clock)

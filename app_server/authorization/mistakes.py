"""What was wrong in the requests of registered clients, for their providers to read.

A note is taken in memory and written by a task of its own: no request waits for it, or fails over it. Anybody can send
a request in a client's name, so it says what was wrong and never what was sent.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app_server.authorization.registered import registered_clients
from app_server.kernel.ids import uuid7
from app_server.kernel.logs import logger
from app_server.kernel.schemas import PageRequest
from app_server.kernel.state import AppState
from app_server.kernel.tokens import TokenRefused, unverified_subject
from app_server.kernel.unit_of_work import execute, fetch, in_unit_of_work

KEPT = 50  # of one client, the newest
AT_ONCE = 10  # of one client between two writings; older ones give way
WRITE_EVERY = 1.0  # seconds
LONGEST = 300  # characters of a description

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """An error as the client was told of it, and at which path."""

    id: UUID
    client_id: str
    endpoint: str
    error: str
    description: str
    at: datetime


class Mistakes:
    """The mistakes of this process that are not written yet."""

    def __init__(self) -> None:
        self._noted: dict[str, deque[Mistake]] = {}

    def note(self, mistake: Mistake) -> None:
        """Keep it for the next writing."""
        self._noted.setdefault(mistake.client_id, deque(maxlen=AT_ONCE)).append(mistake)

    async def write(self) -> None:
        """Write what was noted, and remove what is more than `KEPT` of a client."""
        noted, self._noted = self._noted, {}
        if noted:
            await _write([mistake for each in noted.values() for mistake in each])

    async def keep_writing(self) -> None:
        """Write again and again, until cancelled."""
        while True:
            await asyncio.sleep(WRITE_EVERY)
            try:
                await self.write()
            except Exception as error:
                log.warning("client_mistakes_not_written", reason=type(error).__name__)


def note(client_id: str, *, endpoint: str, error: str, description: str, state: AppState) -> None:
    """Note a mistake in the name of a client; of one that nobody registered, nothing is noted."""
    if registered_clients(state).find(client_id) is None:
        return
    readable = "".join(character if character.isprintable() else "?" for character in description[:LONGEST])
    mistakes_of(state).note(
        Mistake(
            id=uuid7(),
            client_id=client_id,
            endpoint=endpoint,
            error=error,
            description=readable,
            at=state["clock"](),
        )
    )


def claimed_client(form: Mapping[str, str]) -> str:
    """Whose request a form says it is, unproven; empty when it does not say."""
    with suppress(TokenRefused):
        return form.get("client_id") or unverified_subject(form.get("client_assertion", ""))
    return ""


def mistakes_of(state: AppState) -> Mistakes:
    """The notes of this process."""
    mistakes: Mistakes = state["client_mistakes"]  # type: ignore[typeddict-item]
    return mistakes


@asynccontextmanager
async def noted() -> AsyncIterator[Mistakes]:
    """Notes that are written for the life of the process."""
    mistakes = Mistakes()
    writing = asyncio.create_task(mistakes.keep_writing())
    try:
        yield mistakes
    finally:
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing


async def written(client_id: str, page: PageRequest) -> list[Any]:
    """One more than the page of a client's mistakes, the newest first."""
    return await fetch(
        "SELECT id, endpoint, error, description, at FROM core_client_error"
        " WHERE client_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
        client_id,
        page.place(UUID),
        page.limit + 1,
    )


@in_unit_of_work
async def _write(mistakes: list[Mistake]) -> None:
    columns = [
        [getattr(mistake, name) for mistake in mistakes]
        for name in ("id", "client_id", "endpoint", "error", "description", "at")
    ]
    await execute(
        "INSERT INTO core_client_error (id, client_id, endpoint, error, description, at)"
        " SELECT n.* FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])"
        " AS n (id, client_id, endpoint, error, description, at)"
        " JOIN core_registered_client c USING (client_id) WHERE c.removed_at IS NULL",
        *columns,
    )
    await execute(
        "DELETE FROM core_client_error WHERE id IN (SELECT id FROM ("
        " SELECT id, row_number() OVER (PARTITION BY client_id ORDER BY id DESC) AS place"
        " FROM core_client_error WHERE client_id = ANY($1)) ranked WHERE place > $2)",
        sorted({mistake.client_id for mistake in mistakes}),
        KEPT,
    )

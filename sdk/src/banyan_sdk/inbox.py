"""Events from the platform: kept on disk before they are acknowledged, handled afterwards, each id once."""

import asyncio
import json
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from banyan_sdk import speech
from banyan_sdk.context import Event
from banyan_sdk.protocol import EventEnvelope, EventType, GrantWithdrawn
from banyan_sdk.storage import Store

log = logging.getLogger("banyan.events")

TRIES = 8
KEPT = 30 * 86400  # seconds that an event's id is remembered; the platform gives up retrying long before
LONGEST_SESSION = 3600  # seconds; a withdrawal need not be remembered longer than any session lives

SCHEMA = """
create table if not exists banyan_events (
    id text primary key,
    type text not null,
    timestamp text not null,
    data text,
    received_at real not null,
    state text not null default 'waiting' check (state in ('waiting', 'done', 'failed'))
) without rowid;
create index if not exists banyan_events_waiting on banyan_events (received_at) where state = 'waiting';
create table if not exists banyan_withdrawals (
    sub text not null,
    scope text not null,
    received_at real not null,
    primary key (sub, scope)
) without rowid;
"""

Handler = Callable[[Event], Awaitable[None]]


class Inbox:
    def __init__(self, store: Store, handlers: Mapping[str, Handler]) -> None:
        self._store = store
        self._handlers = handlers
        self._news = asyncio.Event()
        store.schema(SCHEMA)

    async def accept(self, event_id: str, envelope: EventEnvelope) -> None:
        """When this returns the event is on disk and may be acknowledged. A second arrival changes nothing."""
        now = time.time()
        gone = GrantWithdrawn.model_validate(envelope.data) if envelope.type == EventType.GRANT_WITHDRAWN else None

        def keep(db: sqlite3.Connection) -> bool:
            new = db.execute(
                "insert into banyan_events (id, type, timestamp, data, received_at) values (?, ?, ?, ?, ?)"
                " on conflict do nothing",
                (event_id, envelope.type, envelope.timestamp.isoformat(), json.dumps(envelope.data), now),
            ).rowcount
            if new and gone:
                db.execute("insert or replace into banyan_withdrawals values (?, ?, ?)", (gone.sub, gone.scope, now))
            if new:
                db.execute("delete from banyan_events where state <> 'waiting' and received_at < ?", (now - KEPT,))
                db.execute("delete from banyan_withdrawals where received_at < ?", (now - LONGEST_SESSION,))
            return bool(new)

        if await self._store.write(keep):
            self._news.set()

    async def waiting(self) -> int:
        question = "select count(*) from banyan_events where state = 'waiting'"
        return await self._store.read(lambda db: int(db.execute(question).fetchone()[0]))

    async def withdrawn_since(self, sub: str, scopes: frozenset[str], since: float) -> bool:
        """Whether one of the scopes was taken back. The file knows, whichever of its processes heard of it."""
        question = "select scope from banyan_withdrawals where sub = ? and received_at >= ?"
        found = await self._store.read(lambda db: db.execute(question, (sub, since)).fetchall())
        return any(row["scope"] in scopes for row in found)

    async def handle(self) -> None:
        """Runs for as long as the mini-app does, one event after the other, beginning with what a crash left."""
        while True:
            self._news.clear()
            row = await self._store.read(_oldest)
            if row is None:
                await self._news.wait()
                continue
            state = await self._handle_one(row)
            await self._store.write(_finish(row["id"], state))

    async def _handle_one(self, row: sqlite3.Row) -> str:
        event = Event(
            id=row["id"],
            type=row["type"],
            timestamp=datetime.fromisoformat(row["timestamp"]),
            data=json.loads(row["data"]),
        )
        handler = self._handlers.get(event.type)
        if handler is None:
            log.warning(speech.EVENT_UNHANDLED, event.type, event.type)
            return "done"
        for attempt in range(1, TRIES + 1):
            try:
                await handler(event)
            except Exception:
                if attempt == TRIES:
                    break
                delay = min(2 ** (attempt - 1), 60)
                log.exception(speech.EVENT_FAILED, event.type, attempt, delay)
                await asyncio.sleep(delay)
            else:
                return "done"
        log.error(speech.EVENT_GIVEN_UP, event.type, TRIES, event.id)
        return "failed"


def _oldest(db: sqlite3.Connection) -> sqlite3.Row | None:
    row: sqlite3.Row | None = db.execute(
        "select id, type, timestamp, data from banyan_events where state = 'waiting' order by received_at limit 1"
    ).fetchone()
    return row


def _finish(event_id: str, state: str) -> Callable[[sqlite3.Connection], None]:
    def change(db: sqlite3.Connection) -> None:
        keep = "data" if state == "failed" else "null"
        db.execute(f"update banyan_events set state = ?, data = {keep} where id = ?", (state, event_id))

    return change

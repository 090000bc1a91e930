"""Calls to the platform that belong to a change: written with it, made after it, repeated until one is answered."""

import asyncio
import logging
import random
import sqlite3
import time
from collections.abc import Callable, Mapping
from datetime import datetime

from pydantic import BaseModel

from banyan_sdk import speech
from banyan_sdk.client import Platform, PlatformRefused, PlatformUnreachable
from banyan_sdk.protocol import CARDS_PATH, NOTICES_PATH, IssueCard, NoticeValue, SendNotice
from banyan_sdk.storage import Store

log = logging.getLogger("banyan.outbox")

AT_ONCE = 8  # residents served side by side; one resident's calls keep their order
LONGEST_PAUSE = 30.0
KEPT = 30 * 86400  # seconds that a finished call is remembered

SCHEMA = """
create table if not exists banyan_calls (
    id integer primary key,
    key text not null unique,
    sub text not null,
    path text not null,
    body text,
    state text not null default 'waiting' check (state in ('waiting', 'sent', 'refused')),
    attempts integer not null default 0,
    next_at real not null default 0,
    changed_at real not null,
    problem text
);
create index if not exists banyan_calls_waiting on banyan_calls (sub, id) where state = 'waiting';
"""

# Only the head of each resident's queue may go: one resident's calls keep their order.
_HEADS = "from banyan_calls where id in (select min(id) from banyan_calls where state = 'waiting' group by sub)"
_DUE = f"select id, key, path, body, attempts {_HEADS} and next_at <= ? order by id limit ?"


class Outbox:
    """Promises that survive a crash: `issue_card` and `notify` as in Platform, but inside a transaction of the store.

    A call is made at least once and, because its key is fixed, has its effect once. The platform's final "no" to it (a
    grant that was withdrawn) ends it; while the mini-app is paused it waits. What was sent is forgotten as soon as it
    was answered; only the key stays.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._news = asyncio.Event()
        store.schema(SCHEMA)
        store.after_write(self._news.set)

    def issue_card(
        self,
        db: sqlite3.Connection,
        sub: str,
        card_type: str,
        /,
        *,
        key: str,
        number: str,
        fields: Mapping[str, str],
        expires_at: datetime | None = None,
    ) -> None:
        card = IssueCard(sub=sub, type=card_type, number=number, fields=dict(fields), expires_at=expires_at)
        self._put(db, sub, CARDS_PATH, card, key)

    def notify(self, db: sqlite3.Connection, sub: str, template: str, /, *, key: str, **data: NoticeValue) -> None:
        self._put(db, sub, NOTICES_PATH, SendNotice(sub=sub, template=template, data=data), key)

    def _put(self, db: sqlite3.Connection, sub: str, path: str, body: BaseModel, key: str) -> None:
        db.execute(
            "insert into banyan_calls (key, sub, path, body, changed_at) values (?, ?, ?, ?, ?) on conflict do nothing",
            (key, sub, path, body.model_dump_json(exclude_none=True), time.time()),
        )

    async def waiting(self) -> int:
        """How many calls the platform has not answered yet."""

        def count(db: sqlite3.Connection) -> int:
            return int(db.execute("select count(*) from banyan_calls where state = 'waiting'").fetchone()[0])

        return await self._store.read(count)

    async def deliver(self, platform: Platform) -> None:
        """Runs for as long as the mini-app does."""
        pause = 0.0
        while True:
            self._news.clear()
            calls = await self._store.read(_due(time.time()))
            if not calls:
                await self._wait(await self._store.read(_next_at))
                continue
            outcomes = await asyncio.gather(*(self._deliver_one(platform, call) for call in calls))
            away = [outcome for outcome in outcomes if outcome is not None]
            if not away:
                pause = 0.0
                continue
            pause = min(max(pause * 2, 0.2), LONGEST_PAUSE)
            delay = max(pause * random.uniform(0.5, 1), max(one.retry_after or 0 for one in away))
            log.warning(speech.CALL_POSTPONED, away[0], delay)
            await asyncio.sleep(delay)

    async def _wait(self, until: float | None) -> None:
        try:
            await asyncio.wait_for(self._news.wait(), None if until is None else max(0.05, until - time.time()))
        except TimeoutError:
            return

    async def _deliver_one(self, platform: Platform, call: sqlite3.Row) -> PlatformUnreachable | None:
        try:
            await platform.send("POST", call["path"], call["body"].encode(), key=call["key"])
        except PlatformRefused as refused:
            log.error(speech.CALL_REFUSED, call["path"], refused.code)
            await self._store.write(_finish(call["id"], "refused", refused.code))
        except PlatformUnreachable as away:
            if not away.only_this_call:
                return away
            pause = min(0.5 * 2.0 ** min(call["attempts"], 12), 3600) * random.uniform(0.5, 1)
            await self._store.write(_postpone(call["id"], time.time() + max(pause, away.retry_after or 0)))
        else:
            await self._store.write(_finish(call["id"], "sent", None))
        return None


def _due(now: float) -> Callable[[sqlite3.Connection], list[sqlite3.Row]]:
    return lambda db: db.execute(_DUE, (now, AT_ONCE)).fetchall()


def _next_at(db: sqlite3.Connection) -> float | None:
    row = db.execute(f"select min(next_at) {_HEADS}").fetchone()
    return None if row[0] is None else float(row[0])


def _finish(call_id: int, state: str, problem: str | None) -> Callable[[sqlite3.Connection], None]:
    def change(db: sqlite3.Connection) -> None:
        now = time.time()
        db.execute(
            "update banyan_calls set state = ?, problem = ?, body = null, changed_at = ? where id = ?",
            (state, problem, now, call_id),
        )
        if call_id % 100 == 0:
            db.execute("delete from banyan_calls where state <> 'waiting' and changed_at < ?", (now - KEPT,))

    return change


def _postpone(call_id: int, next_at: float) -> Callable[[sqlite3.Connection], None]:
    def change(db: sqlite3.Connection) -> None:
        db.execute("update banyan_calls set attempts = attempts + 1, next_at = ? where id = ?", (next_at, call_id))

    return change

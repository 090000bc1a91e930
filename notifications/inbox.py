"""The inbox of one resident: positions without gaps, in the order of commit.

`deliver` takes the resident's inbox row first, and its lock is held until commit: whoever sees position 7 committed has
seen 6 before. A stream that resumes after 7 therefore misses nothing and repeats nothing.
"""

from collections.abc import Mapping
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from app_server.kernel.crypto import KeyRing, SealBroken
from app_server.kernel.ids import uuid7
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import after_commit, execute, fetch, fetchrow, in_unit_of_work
from notifications.models import TEXTS

CHANNEL = "notices"  # hints "resident_id position"; a lost one costs a stream the time of one poll

_DELIVER = """
WITH seat AS (
    INSERT INTO notifications_inbox AS inbox (resident_id, last_position, unread) VALUES ($2, 1, 1)
    ON CONFLICT (resident_id) DO UPDATE SET last_position = inbox.last_position + 1, unread = inbox.unread + 1
    RETURNING last_position)
INSERT INTO notifications_message (id, resident_id, position, unique_key, app_id, texts, link, created_at)
SELECT $1, $2, last_position, $3, $4, $5, $6, $7 FROM seat
ON CONFLICT (resident_id, unique_key) DO NOTHING
RETURNING position"""
_GIVE_SEAT_BACK = """
UPDATE notifications_inbox SET last_position = last_position - 1, unread = unread - 1 WHERE resident_id = $1"""
_EARLIER = "SELECT id FROM notifications_message WHERE resident_id = $1 AND unique_key = $2"
_PAGES = """
SELECT asked.turn, inbox.unread, message.*
FROM unnest($1::int[], $2::uuid[], $3::bigint[], $4::int[]) AS asked (turn, resident_id, before, most)
JOIN notifications_inbox AS inbox ON inbox.resident_id = asked.resident_id
LEFT JOIN LATERAL (
    SELECT id, position, app_id, texts, link, created_at, read_at FROM notifications_message
    WHERE resident_id = asked.resident_id AND position < asked.before
    ORDER BY position DESC LIMIT asked.most) AS message ON true"""
_AFTER = """
SELECT asked.turn, message.*
FROM unnest($1::int[], $2::uuid[], $3::bigint[]) AS asked (turn, resident_id, after) CROSS JOIN LATERAL (
    SELECT id, position, app_id, texts, link, created_at, read_at FROM notifications_message
    WHERE resident_id = asked.resident_id AND position > asked.after ORDER BY position LIMIT $4) AS message"""
_LOCK = "SELECT 1 FROM notifications_inbox WHERE resident_id = $1 FOR UPDATE"
_MARK_ONE = "UPDATE notifications_message SET read_at = $3 WHERE resident_id = $1 AND id = $2 AND read_at IS NULL"
_MARK_UP_TO = """
UPDATE notifications_message SET read_at = $3 WHERE resident_id = $1 AND position <= $2 AND read_at IS NULL"""
_FEWER_UNREAD = "UPDATE notifications_inbox SET unread = unread - $2 WHERE resident_id = $1"

PageAsked = tuple[UUID, int, int]  # resident, below this position, at most so many
Page = tuple[int, list["Notice"]]  # unread in all, newest first

FIRST_PAGE = 2**62  # above every position
BURST = 50  # notices that a stream sends before it looks again


class Notice(NamedTuple):
    """A message as it lies in the inbox, opened: `texts` is locale → {title, body}."""

    id: UUID
    position: int
    app_id: str | None
    texts: Mapping[str, Mapping[str, str]]
    link: str | None
    at: datetime
    read_at: datetime | None


class ResidentInbox:
    """The `Inbox` port."""

    def __init__(self, *, state: AppState) -> None:
        self._keys, self._clock, self._redis = state["keys"], state["clock"], state["redis"]

    @in_unit_of_work
    async def deliver(
        self,
        *,
        resident_id: UUID,
        app_id: str | None,
        texts: Mapping[str, Mapping[str, str]],
        link: str | None,
        unique_key: str,
    ) -> UUID:
        """Put a notice into the inbox; its id. The same `unique_key` again: the id of the first, nothing new.

        The resident's inbox stays locked until the caller's unit of work ends: a unit that delivers to several
        residents goes in the order of their ids.
        """
        message_id = uuid7()
        sealed = self._keys.seal(TEXTS, orjson.dumps(texts).decode())
        row = await fetchrow(_DELIVER, message_id, resident_id, unique_key, app_id, sealed, link, self._clock())
        if row is None:
            await execute(_GIVE_SEAT_BACK, resident_id)
            earlier = await fetchrow(_EARLIER, resident_id, unique_key)
            found: UUID = earlier["id"]
            return found
        position: int = row["position"]
        after_commit(lambda: self._redis.publish(CHANNEL, f"{resident_id} {position}"))
        return message_id


async def pages(keys: KeyRing, asked: list[PageAsked]) -> list[Page | SealBroken]:
    """For each resident the newest notices below a position, newest first, and how many are unread; one query."""
    rows = await fetch(_PAGES, list(range(len(asked))), *(list(column) for column in zip(*asked, strict=True)))
    unread = {row["turn"]: row["unread"] for row in rows}
    return [
        found if isinstance(found, SealBroken) else (unread.get(turn, 0), found[::-1])
        for turn, found in enumerate(_opened(keys, rows, len(asked)))
    ]


async def after_positions(keys: KeyRing, asked: list[tuple[UUID, int]]) -> list[list[Notice] | SealBroken]:
    """For each resident and position, the notices above it in order, at most `BURST`; one query for all."""
    columns = (list(column) for column in zip(*asked, strict=True))
    return _opened(keys, await fetch(_AFTER, list(range(len(asked))), *columns, BURST), len(asked))


async def last_positions(residents: list[UUID]) -> dict[UUID, int]:
    """The newest position of each of these residents; who never got a notice is not in it."""
    rows = await fetch(
        "SELECT resident_id, last_position FROM notifications_inbox WHERE resident_id = ANY($1)", residents
    )
    return {row["resident_id"]: row["last_position"] for row in rows}


@in_unit_of_work
async def mark_read(resident_id: UUID, message_id: UUID, *, now: datetime) -> bool:
    """Mark one notice as read; False when there is none with this id. Reading again changes nothing."""
    await execute(_LOCK, resident_id)
    marked = await execute(_MARK_ONE, resident_id, message_id, now)
    if marked:
        await execute(_FEWER_UNREAD, resident_id, marked)
        return True
    there = "SELECT 1 FROM notifications_message WHERE resident_id = $1 AND id = $2"
    return await fetchrow(there, resident_id, message_id) is not None


@in_unit_of_work
async def mark_read_up_to(resident_id: UUID, position: int, *, now: datetime) -> None:
    """Mark every notice up to and with this position as read."""
    await execute(_LOCK, resident_id)
    if marked := await execute(_MARK_UP_TO, resident_id, position, now):
        await execute(_FEWER_UNREAD, resident_id, marked)


def _opened(keys: KeyRing, rows: list[Any], turns: int) -> list[list[Notice] | SealBroken]:
    """The notices of each turn in order. One that does not open is trouble for its resident, not for the others."""
    found: list[list[Notice] | SealBroken] = [[] for _ in range(turns)]
    for row in sorted((row for row in rows if row["id"] is not None), key=itemgetter("position")):
        notices = found[row["turn"]]
        if isinstance(notices, list):
            try:
                notices.append(_open(keys, row))
            except SealBroken as broken:
                found[row["turn"]] = broken
    return found


def _open(keys: KeyRing, row: Mapping[str, Any]) -> Notice:
    return Notice(
        id=row["id"],
        position=row["position"],
        app_id=row["app_id"],
        texts=orjson.loads(keys.open(TEXTS, row["texts"])),
        link=row["link"],
        at=row["created_at"],
        read_at=row["read_at"],
    )

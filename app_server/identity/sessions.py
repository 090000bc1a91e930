"""Whose cookie is this, and has the session ended meanwhile?

Each process remembers what it looked up for half a minute. It learns of every ended session within two seconds, by
asking PostgreSQL, and at once of one that was ended in this very process.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson

from app_server.identity.factors.hashing import Hashing
from app_server.identity.profiles import ProfileRows, load_profile_rows
from app_server.identity.refresh import Trades, trade_all
from app_server.kernel.access import Resident
from app_server.kernel.batch import Batcher
from app_server.kernel.crypto import token_hash
from app_server.kernel.logs import logger
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute, fetch, in_unit_of_work

REMEMBERED_FOR = timedelta(seconds=30)
ASK_EVERY = 1.5  # seconds between looks at what has ended
PATIENCE = 2.0  # seconds for one look
TOUCH_EVERY = timedelta(hours=1)
LOOK_BACK = timedelta(hours=2)  # longer than any access token lives
REMEMBERED = 50_000

log = logger(__name__)


class SessionState(AppState):
    """The process's state with its sessions."""

    sessions: "Sessions"


class Sessions:
    """The open sessions that this process has seen, and the ended ones that others must hear of."""

    def __init__(self, state: AppState) -> None:
        self._state = state
        self._seen: OrderedDict[str, tuple[float, Resident]] = OrderedDict()
        self._ended: frozenset[UUID] = frozenset()
        self._heard: frozenset[UUID] = frozenset()  # ended here, and in no look yet: a look may be older than the end
        self._load: Batcher[str, Any] = Batcher(_load_sessions, lanes=2)

    def has_ended(self, session_id: UUID) -> bool:
        """Whether the session was ended; true in every process within two seconds."""
        return session_id in self._ended

    async def resolve(self, token: str) -> Resident | None:
        """The resident whose cookie this is, or None."""
        key, now = token_hash(token), self._state["clock"]()
        seen = self._seen.get(key)
        if seen is not None and seen[0] > now.timestamp():
            return None if self.has_ended(seen[1].session_id) else seen[1]
        row = await self._load(key)
        if row is None or row["expires_at"] <= now:
            return None
        if now - row["last_used_at"] > TOUCH_EVERY:
            await _touch(row["id"], now + timedelta(days=self._state["settings"].session_days))
        resident = Resident(
            id=row["resident_id"],
            session_id=row["id"],
            roles=frozenset(orjson.loads(row["roles"])),
            organisation_id=row["organisation_id"],
        )
        self._seen[key] = ((now + REMEMBERED_FOR).timestamp(), resident)
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return resident

    async def watch(self) -> None:
        """Learn what has ended, until cancelled. Each look is a task of its own: it survives a database restart."""
        while True:
            try:
                async with asyncio.timeout(PATIENCE):
                    ended = await asyncio.create_task(_ended_sessions())
                self._heard -= ended
                self._ended = ended | self._heard
            except Exception as error:
                log.warning("sessions_not_refreshed", reason=type(error).__name__)
            await asyncio.sleep(ASK_EVERY)

    def forget(self, session_ids: Iterable[UUID]) -> None:
        """Hear at once, in this process, that sessions have ended."""
        self._heard |= frozenset(session_ids)
        self._ended |= self._heard


async def resolve_cookie(token: str, state: AppState) -> Resident | None:
    """The credential behind the cookie `banyan_session`."""
    return await sessions_of(state).resolve(token)


def sessions_of(state: AppState) -> Sessions:
    """The sessions of this process."""
    sessions: Sessions = state["sessions"]  # type: ignore[typeddict-item]
    return sessions


@asynccontextmanager
async def lifespan(state: AppState) -> AsyncIterator[dict[str, Any]]:
    """Keep sessions, hashing, and the ways to profiles and to new refresh tokens, for the life of the process."""
    sessions, hashing = Sessions(state), Hashing(state["settings"].breached_passwords)
    watching = asyncio.create_task(sessions.watch())
    try:
        yield {
            "sessions": sessions,
            "hashing": hashing,
            "profile_rows": ProfileRows(load_profile_rows, lanes=2),
            "refresh_trades": Trades(trade_all, lanes=2),
        }
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        hashing.close()


async def _load_sessions(hashes: list[str]) -> list[Any]:
    rows = await fetch(
        "SELECT s.id, s.token_hash, s.resident_id, s.expires_at, s.last_used_at, r.roles, r.organisation_id"
        " FROM core_session s JOIN core_resident r ON r.id = s.resident_id"
        " WHERE s.token_hash = ANY($1) AND s.ended_at IS NULL AND r.locked_at IS NULL",
        hashes,
    )
    found = {row["token_hash"]: row for row in rows}
    return [found.get(key) for key in hashes]


@in_unit_of_work
async def _touch(session_id: UUID, expires_at: object) -> None:
    await execute("UPDATE core_session SET last_used_at = now(), expires_at = $2 WHERE id = $1", session_id, expires_at)


async def _ended_sessions() -> frozenset[UUID]:
    rows = await fetch("SELECT id FROM core_session WHERE ended_at > now() - $1::interval", LOOK_BACK)
    return frozenset(row["id"] for row in rows)

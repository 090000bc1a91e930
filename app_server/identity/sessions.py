"""Whose cookie is this, and has the session ended meanwhile?

Each process remembers what it looked up for half a minute. It learns of every ended session within two seconds, by
asking PostgreSQL, and at once of one that was ended in this very process.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from app_server.identity.factors.hashing import Hashing
from app_server.identity.outside.providers import known
from app_server.identity.phones import mask
from app_server.identity.profiles import ProfileRows, load_profile_rows
from app_server.identity.refresh import Trades, trade_all
from app_server.kernel.access import Acting, Resident
from app_server.kernel.batch import Batcher
from app_server.kernel.crypto import KeyRing, token_hash
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
        if now - row["last_used_at"] > TOUCH_EVERY and row["mandate_id"] is None:
            await _touch(row["id"], now + timedelta(days=self._state["settings"].session_days))
        resident = Resident(
            id=row["resident_id"],
            session_id=row["id"],
            roles=frozenset(orjson.loads(row["roles"])),
            organisation_id=row["organisation_id"],
        )
        if row["mandate_id"] is not None:
            acting = acting_of(row, self._state["keys"])
            resident = Resident(id=row["resident_id"], session_id=row["id"], acting=acting)
        self._seen[key] = ((now + REMEMBERED_FOR).timestamp(), resident)
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return resident

    async def watch(self) -> None:
        """Learn what has ended, until cancelled. Each look is a task of its own: it survives a database restart."""
        while True:
            try:
                async with asyncio.timeout(PATIENCE):
                    ended = await asyncio.create_task(_ended_sessions(self._state["clock"]()))
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
    """Keep sessions, hashing, outside providers, the ways to profiles and refresh tokens, while the process lives."""
    sessions, hashing = Sessions(state), Hashing(state["settings"].breached_passwords)
    watching = asyncio.create_task(sessions.watch())
    try:
        yield {
            "sessions": sessions,
            "hashing": hashing,
            "outside_providers": known(state["settings"]),
            "profile_rows": ProfileRows(load_profile_rows, lanes=2),
            "refresh_trades": Trades(trade_all, lanes=2),
        }
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        hashing.close()


def acting_of(row: Any, keys: KeyRing) -> Acting:
    """Who acts for whom in a session under a mandate, from the columns that `_LOAD` names."""
    return Acting(
        mandate_id=row["mandate_id"],
        actor_id=row["actor_id"],
        own_session_id=row["own_session_id"],
        actor_name=_called(row["actor_name"], row["actor_phone"], keys),
        for_name=_called(row["for_name"], row["for_phone"], keys),
        may_act=row["reach"] == "act",
        app_ids=frozenset(orjson.loads(row["app_ids"])),
    )


def _called(name: bytes | None, phone: bytes | None, keys: KeyRing) -> str:
    if name:
        return keys.open("resident.name", name)
    return mask(keys.open("resident.phone", phone)) if phone else "—"


# A session for another is good while the mandate is, the actor's own session is, and neither account is locked.
_LOAD = """
SELECT s.id, s.token_hash, s.resident_id, s.expires_at, s.last_used_at, r.roles, r.organisation_id,
  m.id AS mandate_id, m.reach, m.app_ids, r.name_sealed AS for_name, r.phone_sealed AS for_phone,
  o.id AS own_session_id, a.id AS actor_id, a.name_sealed AS actor_name, a.phone_sealed AS actor_phone
FROM core_session s JOIN core_resident r ON r.id = s.resident_id
LEFT JOIN core_mandate m ON m.id = s.mandate_id AND m.state = 'active'
LEFT JOIN core_session o ON o.id = s.parent_id AND o.ended_at IS NULL
LEFT JOIN core_resident a ON a.id = o.resident_id AND a.locked_at IS NULL
WHERE s.token_hash = ANY($1) AND s.ended_at IS NULL AND r.locked_at IS NULL
  AND (s.mandate_id IS NULL OR (m.id IS NOT NULL AND a.id IS NOT NULL))
"""


async def _load_sessions(hashes: list[str]) -> list[Any]:
    found = {row["token_hash"]: row for row in await fetch(_LOAD, hashes)}
    return [found.get(key) for key in hashes]


@in_unit_of_work
async def _touch(session_id: UUID, expires_at: object) -> None:
    await execute("UPDATE core_session SET last_used_at = now(), expires_at = $2 WHERE id = $1", session_id, expires_at)


# A session for another also ends at the last moment of the mandate, by the clock.
_ENDED = """
SELECT id FROM core_session WHERE ended_at > now() - $1::interval
UNION ALL SELECT id FROM core_session
WHERE mandate_id IS NOT NULL AND expires_at <= $2 AND expires_at > now() - $1::interval
"""


async def _ended_sessions(now: datetime) -> frozenset[UUID]:
    rows = await fetch(_ENDED, LOOK_BACK, now)
    return frozenset(row["id"] for row in rows)

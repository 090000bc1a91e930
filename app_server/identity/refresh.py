"""Refresh tokens: each is traded once for the next; all that wait are traded in one statement, which is the commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from app_server.identity.events import RefreshTokenReused
from app_server.identity.models import RefreshToken, Session
from app_server.identity.problems import SessionOver
from app_server.identity.service import OpenedSession, access_token, end_session, new_secret
from app_server.kernel.batch import Batcher
from app_server.kernel.crypto import token_hash
from app_server.kernel.events import record
from app_server.kernel.ids import uuid7
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import fetch, in_unit_of_work

GRACE = timedelta(seconds=30)  # a client whose answer was lost may ask once more and gets the same successor


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A token by its hash, whose it must be (None: the resident app's own), and what shall follow it.

    `jkt` is the thumbprint of the key that whoever brings it holds (RFC 9449), if any.
    """

    token_hash: str
    client_id: str | None
    jkt: str | None
    successor_hash: str
    successor_sealed: bytes
    at: datetime
    session_expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """A session that goes on, and its next refresh token. `scope` is what a client may do in it."""

    session_id: UUID
    resident_id: UUID
    roles: Sequence[str]
    organisation_id: UUID | None
    scope: str | None
    refresh_token: str


Trades = Batcher[Trade, Any]


async def renew_session(refresh_token: str, *, state: AppState) -> OpenedSession:
    """Rotate a refresh token of the resident app. Problem: `session_over`."""
    renewed = await rotate(refresh_token, client_id=None, jkt=None, state=state)
    return OpenedSession(
        session_id=renewed.session_id,
        resident_id=renewed.resident_id,
        cookie_token=None,
        refresh_token=renewed.refresh_token,
        access_token=access_token(
            resident_id=renewed.resident_id,
            session_id=renewed.session_id,
            roles=renewed.roles,
            organisation_id=renewed.organisation_id,
            state=state,
        ),
    )


async def rotate(refresh_token: str, *, client_id: str | None, jkt: str | None, state: AppState) -> Renewed:
    """Trade a refresh token for the next. Again within `GRACE` it gives the same successor; later it ends the session,
    and the resident hears of it.

    Problem: `session_over`, also for a token of another client, or bound to another key than that of thumbprint `jkt`.
    """
    trades: Trades = state["refresh_trades"]  # type: ignore[typeddict-item]
    now, successor = state["clock"](), new_secret("br")
    trade = Trade(
        token_hash=token_hash(refresh_token),
        client_id=client_id,
        jkt=jkt,
        successor_hash=token_hash(successor),
        successor_sealed=state["keys"].seal("refresh.successor", successor),
        at=now,
        session_expires_at=now + timedelta(days=state["settings"].session_days),
    )
    row = await trades(trade)
    if row is None:
        repeated = await _repeated(trade.token_hash, client_id, jkt, state)
        if repeated is None:
            raise SessionOver()
        return repeated
    return Renewed(
        session_id=row["session_id"],
        resident_id=row["resident_id"],
        roles=orjson.loads(row["roles"]),
        organisation_id=row["organisation_id"],
        scope=row["scope"],
        refresh_token=successor,
    )


async def trade_all(asked: list[Trade]) -> Sequence[Any]:
    """Trade the tokens that are unused and of a session that stands; None for each other one."""
    rows = await fetch(
        _TRADE,
        [trade.token_hash for trade in asked],
        [trade.successor_hash for trade in asked],
        [trade.successor_sealed for trade in asked],
        [uuid7() for _ in asked],
        [trade.at for trade in asked],
        [trade.session_expires_at for trade in asked],
        [trade.client_id for trade in asked],
        [trade.jkt for trade in asked],
    )
    found = {row["successor_hash"]: row for row in rows}
    return [found.get(trade.successor_hash) for trade in asked]


# Who waits for a lock looks again when it has it: of two processes with one token, the second finds it used. Of those
# who come at once with one token, and may, the first is served: who may not stands in nobody's way.
_TRADE = """
WITH good AS (
  SELECT a.*, t.id, s.id AS session_id, s.scope, r.id AS resident_id, r.roles, r.organisation_id
  FROM unnest(
    $1::text[], $2::text[], $3::bytea[], $4::uuid[], $5::timestamptz[], $6::timestamptz[], $7::text[], $8::text[]
  ) AS a (token_hash, successor_hash, successor_sealed, successor_id, at, session_expires_at, client_id, jkt)
  JOIN core_refresh_token t ON t.token_hash = a.token_hash
  JOIN core_session s ON s.id = t.session_id
  JOIN core_resident r ON r.id = s.resident_id
  WHERE t.used_at IS NULL AND s.ended_at IS NULL AND s.expires_at > a.at AND r.locked_at IS NULL
    AND s.client_id IS NOT DISTINCT FROM a.client_id AND (s.dpop_jkt IS NULL OR s.dpop_jkt = a.jkt)
  ORDER BY s.id -- two processes that trade for the same sessions wait for each other in one order
  FOR UPDATE OF s, t
), link AS (
  SELECT DISTINCT ON (id) * FROM good ORDER BY id, successor_id
), used AS (
  UPDATE core_refresh_token t SET used_at = l.at, successor_sealed = l.successor_sealed FROM link l WHERE t.id = l.id
), followed AS (
  INSERT INTO core_refresh_token (id, session_id, token_hash, created_at)
  SELECT l.successor_id, l.session_id, l.successor_hash, l.at FROM link l
), lengthened AS (
  UPDATE core_session s SET expires_at = l.session_expires_at, last_used_at = l.at FROM link l
  WHERE s.id = l.session_id
)
SELECT successor_hash, session_id, resident_id, roles, organisation_id, scope FROM link
"""


@in_unit_of_work
async def _repeated(hashed: str, client_id: str | None, jkt: str | None, state: AppState) -> Renewed | None:
    """The answer of before for a token that was used just now; None for any other, which may end its session."""
    now = state["clock"]()
    link = await RefreshToken.filter(token_hash=hashed).select_for_update().first()
    if link is None or link.used_at is None:
        return None
    session = await Session.get(id=link.session_id).prefetch_related("resident")  # type: ignore[attr-defined]
    resident = session.resident
    if session.ended_at is not None or session.expires_at <= now or resident.locked_at is not None:
        return None
    if session.client_id != client_id or session.dpop_jkt not in (None, jkt):
        return None
    if now - link.used_at > GRACE or link.successor_sealed is None:
        await end_session(session.id, state=state)
        await record(
            RefreshTokenReused(session_id=session.id, resident_id=resident.id, client_id=session.client_id, at=now)
        )
        return None
    return Renewed(
        session_id=session.id,
        resident_id=resident.id,
        roles=resident.roles,
        organisation_id=resident.organisation_id,
        scope=session.scope,
        refresh_token=state["keys"].open("refresh.successor", link.successor_sealed),
    )

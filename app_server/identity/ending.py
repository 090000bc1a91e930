"""The one place where sessions end: with all that hangs on them, and with a note of every service that must hear of it,
in the transaction of the end. A test finds who ends one elsewhere.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from app_server.identity.events import ServicesSignedOut
from app_server.kernel.events import record
from app_server.kernel.ids import uuid7
from app_server.kernel.unit_of_work import execute, fetch

# A service that acts while the resident is away goes on, but she has signed out of it where it was opened.
_END = """
WITH held AS (
  SELECT id FROM core_session WHERE ended_at IS NULL AND (id = ANY($1) OR parent_id = ANY($1)) ORDER BY id FOR UPDATE
), over AS (
  UPDATE core_session SET ended_at = $2 WHERE id IN (SELECT id FROM held)
  RETURNING id, resident_id, client_id, device_hash, expires_at
)
SELECT *, true AS ended FROM over
UNION ALL
SELECT s.id, s.resident_id, s.client_id, s.device_hash, s.expires_at, false FROM core_session s
JOIN over ON s.opened_in = over.id
WHERE s.ended_at IS NULL AND s.parent_id IS NULL AND s.id NOT IN (SELECT id FROM over)
"""


async def end_sessions(
    which: str, *values: object, at: datetime, occasion_id: UUID | None = None, told: bool = True
) -> Sequence[Any]:
    """End the open sessions that `which` says (SQL, its values from $1) and what hangs on them, in the caller's unit of
    work; `id` and `device_hash` of each, for this process to hear of at once.

    The clients whose sessions these are hear of it, unless `told` is False: a client that ends its own knows. What they
    answer stands under `occasion_id`.
    """
    # A code that becomes a client's session meanwhile holds its parent: what comes of it is seen by the next statement.
    roots = await fetch(
        f"SELECT id FROM core_session WHERE ended_at IS NULL AND ({which}) ORDER BY id FOR UPDATE", *values
    )
    if not roots:
        return []
    rows = await fetch(_END, [row["id"] for row in roots], at)
    if told and (services := [row for row in rows if row["client_id"] and row["expires_at"] > at]):
        await _note(services, occasion_id or uuid7(), at)
    return [row for row in rows if row["ended"]]


async def _note(services: Sequence[Any], occasion_id: UUID, at: datetime) -> None:
    await execute(
        "INSERT INTO core_logout_notice (id, occasion_id, resident_id, client_id, session_id, created_at)"
        " SELECT n.id, $1, n.resident_id, n.client_id, n.session_id, $2"
        " FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::uuid[]) AS n (id, resident_id, client_id, session_id)",
        occasion_id,
        at,
        [uuid7() for _ in services],
        *([row[column] for row in services] for column in ("resident_id", "client_id", "id")),
    )
    await record(ServicesSignedOut(occasion_id=occasion_id))

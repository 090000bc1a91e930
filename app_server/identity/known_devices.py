"""Which devices a resident has signed in with before, by the hash of the name that our cookie gave them."""

from datetime import datetime, timedelta
from uuid import UUID

from app_server.kernel.ids import uuid7
from app_server.kernel.unit_of_work import execute, fetchrow

KEPT_FOR = timedelta(days=400)  # as long as a browser keeps the cookie, counted from the last sign-in

# What RETURNING asks is seen as it was before the statement. `xmax` is 0 for a row that is new.
_SEEN = """
INSERT INTO core_known_device (id, resident_id, device_hash, last_seen_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (resident_id, device_hash) DO UPDATE SET last_seen_at = excluded.last_seen_at
RETURNING xmax = 0 AND (EXISTS (SELECT 1 FROM core_known_device WHERE resident_id = $2)
    OR EXISTS (SELECT 1 FROM core_session WHERE resident_id = $2)) AS is_news"""

_FORGET = """
DELETE FROM core_known_device k WHERE resident_id = $1 AND device_hash = ANY($2) AND NOT EXISTS (
    SELECT 1 FROM core_session s WHERE s.resident_id = $1 AND s.device_hash = k.device_hash AND s.ended_at IS NULL)"""


async def is_news(resident_id: UUID, device_hash: str, now: datetime) -> bool:
    """Whether a resident who was here before was never seen with this device; from now on it is known.

    Call it before the session is there, in the caller's unit of work, which holds the resident.
    """
    row = await fetchrow(_SEEN, uuid7(), resident_id, device_hash, now)
    return bool(row["is_news"])


async def forget_devices(resident_id: UUID, device_hashes: list[str | None]) -> None:
    """Let the next sign-in with these devices be news again, unless a session of theirs is still open; in the caller's
    unit of work.
    """
    await execute(_FORGET, resident_id, [each for each in device_hashes if each])

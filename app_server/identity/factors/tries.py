"""How often a password may be tried for a number: counted in PostgreSQL before it is looked at, for known and unknown
numbers alike, so a thousand at once still are ten.
"""

from datetime import timedelta

from app_server.kernel.ids import uuid7
from app_server.kernel.problems import TooManyRequests
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute, fetchrow, in_unit_of_work

MOST = 10
WINDOW = timedelta(hours=1)


@in_unit_of_work
async def count_try(phone_index: str, *, state: AppState) -> None:
    """One more for this number. Raises `too_many_requests` with Retry-After."""
    now = state["clock"]()
    row = await fetchrow(
        "INSERT INTO core_password_tries AS t (id, phone_index, tries, since) VALUES ($1, $2, 1, $3)"
        " ON CONFLICT (phone_index) DO UPDATE SET tries = CASE WHEN t.since <= $4 THEN 1 ELSE t.tries + 1 END,"
        " since = CASE WHEN t.since <= $4 THEN $3 ELSE t.since END RETURNING tries, since",
        uuid7(),
        phone_index,
        now,
        now - WINDOW,
    )
    if row["tries"] > MOST:
        seconds = max(1, int((row["since"] + WINDOW - now).total_seconds()))
        raise TooManyRequests(headers={"Retry-After": str(seconds)}, retry_after=seconds)


async def forgive_tries(phone_index: str | None) -> None:
    """Count from nothing again: the whole sign-in is done. In the caller's unit of work."""
    await execute("DELETE FROM core_password_tries WHERE phone_index = $1", phone_index)

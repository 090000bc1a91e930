"""How much each mini-app is used: calls, errors and latencies by the minute, added up from all processes."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app_server.kernel.clearing import again, delete_page
from app_server.kernel.ids import uuid7
from app_server.kernel.unit_of_work import execute, fetch, in_unit_of_work
from app_server.registry import latency

SPAN = 60  # minutes that the console shows
KEPT = timedelta(days=31)
PATIENCE = 5.0  # seconds for adding once


@dataclass(frozen=True, slots=True, kw_only=True)
class MinuteOfCalls:
    """What one process counted for one mini-app in one minute."""

    app_id: str
    minute: datetime
    calls: int
    errors: int
    histogram: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The last hour of one mini-app; `spark` has the calls of each minute, oldest first, the present one last."""

    calls: int
    errors: int
    p95_ms: float | None
    spark: Sequence[int]


UNUSED = Usage(calls=0, errors=0, p95_ms=None, spark=(0,) * SPAN)


@in_unit_of_work
async def add(minutes: Sequence[MinuteOfCalls]) -> None:
    """Add these counts to what other processes counted in the same minutes; all of them, or an error and none.

    The time limit stands inside: from outside it would end the waiting only, and what is added late be added twice.
    """
    async with asyncio.timeout(PATIENCE):
        for counted in sorted(minutes, key=lambda one: (one.app_id, one.minute)):  # one order: no deadlocks
            await execute(
                _ADD,
                uuid7(),
                counted.app_id,
                counted.minute,
                counted.calls,
                counted.errors,
                list(counted.histogram),
            )


async def last_hour(app_ids: Sequence[str], now: datetime) -> Mapping[str, Usage]:
    """The usage of each of these mini-apps that was called in the last hour."""
    present = now.replace(second=0, microsecond=0)
    since = present - timedelta(minutes=SPAN - 1)
    rows = await fetch(
        "SELECT app_id, minute, calls, errors, histogram FROM registry_usage_minute"
        " WHERE app_id = ANY($1) AND minute >= $2 AND minute <= $3",
        list(app_ids),
        since,
        present,
    )
    by_app: dict[str, list[MinuteOfCalls]] = {}
    for row in rows:
        by_app.setdefault(row["app_id"], []).append(MinuteOfCalls(**dict(row)))
    return {app_id: _usage(minutes, since) for app_id, minutes in by_app.items()}


@in_unit_of_work
async def forget_old(now: datetime) -> None:
    """Remove what is older than `KEPT`."""
    await again("forget_old_usage", await delete_page("registry_usage_minute", "minute < $1", now - KEPT))


def _usage(minutes: Sequence[MinuteOfCalls], since: datetime) -> Usage:
    spark = [0] * SPAN
    for one in minutes:
        spark[int((one.minute - since).total_seconds()) // 60] += one.calls
    p95 = latency.percentile(latency.total(one.histogram for one in minutes), 0.95)
    return Usage(
        calls=sum(spark),
        errors=sum(one.errors for one in minutes),
        p95_ms=None if p95 is None else round(p95, 1),
        spark=tuple(spark),
    )


_ADD = """
    INSERT INTO registry_usage_minute AS kept (id, app_id, minute, calls, errors, histogram)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (app_id, minute) DO UPDATE SET
        calls = kept.calls + excluded.calls,
        errors = kept.errors + excluded.errors,
        histogram = (
            SELECT array_agg(coalesce(a, 0) + coalesce(b, 0) ORDER BY place)
            FROM unnest(kept.histogram, excluded.histogram) WITH ORDINALITY AS pair(a, b, place)
        )
"""

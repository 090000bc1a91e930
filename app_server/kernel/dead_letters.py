"""Jobs that were given up: what they are, and another try once their cause is mended."""

from collections.abc import Sequence
from typing import Any

from app_server.kernel.audit import audit
from app_server.kernel.unit_of_work import execute, fetch, in_unit_of_work


async def dead_letters() -> Sequence[Any]:
    """Each kind of job with `count`, when the last of them was given up (`at`), and why (`reason`)."""
    return await fetch(
        "SELECT name, count(*) AS count, max(ended_at) AS at,"
        " (array_agg(last_error ORDER BY ended_at DESC))[1] AS reason"
        " FROM core_job WHERE state = 'dead' GROUP BY name ORDER BY name"
    )


@in_unit_of_work
async def try_again(name: str, *, reason: str, by: str) -> int:
    """Let the jobs of this kind that were given up begin anew, audited; how many there were."""
    count = await execute(
        "UPDATE core_job SET state = 'waiting', attempts = 0, run_at = now(), submitted_at = NULL, ended_at = NULL"
        " WHERE state = 'dead' AND name = $1",
        name,
    )
    if count:
        await audit("system", by, "jobs.tried_again", f"jobs:{name}", reason=reason, details={"jobs": count})
    return count

"""Clearing away what nobody needs any more: a page of each kind in a run of a job, which follows itself while there is
more. However much has gathered, no run is longer than a page, and none is in vain.
"""

from app_server.kernel.ids import uuid7
from app_server.kernel.jobs import enqueue
from app_server.kernel.unit_of_work import execute

PAGE = 5000  # rows; some hundred milliseconds


async def delete_page(table: str, where: str, *values: object) -> bool:
    """Delete at most `PAGE` rows of a table; whether there may be more. `where` counts its values from $1."""
    deleted = await execute(
        f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {where} LIMIT {PAGE})", *values
    )
    return deleted == PAGE


async def again(job: str, *more: bool) -> None:
    """Let the job follow itself if there is more of anything; in the present unit of work."""
    if any(more):
        await enqueue(job, {}, unique_key=f"{job}:{uuid7()}")

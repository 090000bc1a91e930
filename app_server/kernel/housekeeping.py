"""What the kernel itself offers the host: health, figures, and the clearing away of what has been done."""

import asyncio
from ipaddress import ip_address
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from app_server.kernel.access import Anonymous, access
from app_server.kernel.clearing import again, delete_page
from app_server.kernel.idempotency import BODY
from app_server.kernel.jobs import Job, Schedule
from app_server.kernel.modules import Module
from app_server.kernel.problems import NotFound, TemporarilyUnavailable
from app_server.kernel.redis import RedisUnavailable
from app_server.kernel.resealing import Sealed, reseal_page
from app_server.kernel.rotation import rotate_when_due
from app_server.kernel.routing import describe, get
from app_server.kernel.schemas import Schema, reply
from app_server.kernel.state import AppRequest, AppState
from app_server.kernel.unit_of_work import fetchrow

READY_WITHIN = 2.0  # seconds that the database has to answer; a balancer asks as often


class Health(Schema):
    """How this process is. `redis` may be away: what needs it is refused, the rest goes on."""

    status: str
    database: str = "not asked"
    redis: str = "not asked"


@access(Anonymous)
@describe(reply=Health)
async def healthz(request: AppRequest) -> Response:
    """Whether the process is alive; asks no engine."""
    return reply(Health(status="alive"))


@access(Anonymous)
@describe(reply=Health, problems=(TemporarilyUnavailable,))
async def readyz(request: AppRequest) -> Response:
    """Whether the process can serve: its database answers."""
    async with asyncio.timeout(READY_WITHIN):
        await fetchrow("SELECT 1")
    try:
        await request.state["redis"].call("PING")
        redis = "answers"
    except RedisUnavailable:
        redis = "away"
    return reply(Health(status="ready", database="answers", redis=redis))


@access(Anonymous)
@describe(media_type="text/plain")
async def metrics(request: AppRequest) -> Response:
    """Figures for Prometheus; for the machine itself and private networks, not for the street."""
    if "x-forwarded-for" in request.headers or (request.client and not _is_inside(request.client.host)):
        raise NotFound()
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def clear_done(payload: dict[str, Any], *, state: AppState) -> None:
    """Remove what was delivered, done or answered more than a week ago; dead jobs stay until somebody looks."""
    await again(
        "clear_done",
        await delete_page("core_outbox_event", "delivered_at < now() - interval '7 days'"),
        await delete_page("core_job", "state = 'done' AND ended_at < now() - interval '7 days'"),
        await delete_page("core_schedule_tick", "scheduled_for < now() - interval '7 days'"),
        await delete_page("core_idempotent_answer", "created_at < now() - interval '7 days'"),
    )


def _is_inside(host: str) -> bool:
    try:
        return ip_address(host).is_private
    except ValueError:
        return False


module = Module(
    name="kernel",
    routes=[get("/healthz", healthz), get("/readyz", readyz), get("/metrics", metrics)],
    jobs=[
        Job(name="clear_done", handler=clear_done),
        Job(name="reseal", handler=reseal_page),
        Job(name="rotate_keys", handler=rotate_when_due, transactional=False),
    ],
    sealed=[Sealed(table="core_idempotent_answer", column="body", field=BODY)],
    schedules=[Schedule(job="clear_done", cron="43 2 * * *"), Schedule(job="rotate_keys", cron="17 9 * * *")],
)

"""What the registry offers the host."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from app_server.kernel.jobs import Job, Schedule
from app_server.kernel.modules import Module
from app_server.kernel.state import AppState
from app_server.registry import usage
from app_server.registry.published import Listings, RegistryAdds
from app_server.registry.routes import routes


@asynccontextmanager
async def _lifespan(state: AppState) -> AsyncIterator[RegistryAdds]:
    held = Listings()
    await held.start(state["redis"])
    try:
        yield RegistryAdds(listings=held)
    finally:
        await held.stop()


async def forget_old_usage(payload: dict[str, Any], *, state: AppState) -> None:
    """Remove the figures of minutes that nobody looks at any more."""
    await usage.forget_old(state["clock"]())


module = Module(
    name="registry",
    routes=routes,
    jobs=[Job(name="forget_old_usage", handler=forget_old_usage)],
    schedules=[Schedule(job="forget_old_usage", cron="17 3 * * *")],
    lifespan=_lifespan,
)

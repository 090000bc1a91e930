"""Authorization as the host sees it."""

from typing import Any

from app_server.authorization import service
from app_server.authorization.access_tokens import lifespan, resolve_access_token, resolve_held_token
from app_server.authorization.devices import NETWORK
from app_server.authorization.routes import routes
from app_server.kernel.access import MiniApp, Resident
from app_server.kernel.authentication import Credential
from app_server.kernel.jobs import Job, Schedule
from app_server.kernel.modules import Module
from app_server.kernel.state import AppState


async def forget_used(payload: dict[str, Any], *, state: AppState) -> None:
    """Remove codes, requests and assertions that could not be accepted any more."""
    await service.forget_used(state)


module = Module(
    name="authorization",
    routes=routes,
    jobs=[Job(name="forget_used_codes", handler=forget_used)],
    schedules=[Schedule(job="forget_used_codes", cron="7 * * * *")],
    credentials=[
        Credential(
            prefix="eyJ",
            cookie=None,
            kinds=(Resident, MiniApp),
            resolve=resolve_access_token,
            resolve_held=resolve_held_token,
        )
    ],
    sealed=[NETWORK],
    lifespan=lifespan,
)

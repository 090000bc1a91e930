"""Identity as the host sees it."""

from typing import Any

from app_server.identity import service
from app_server.identity.cookies import SESSION_COOKIE
from app_server.identity.routes import routes
from app_server.identity.sessions import lifespan, resolve_cookie
from app_server.kernel.access import Operator, Provider, Resident
from app_server.kernel.authentication import Credential
from app_server.kernel.jobs import Job, Schedule
from app_server.kernel.modules import Module
from app_server.kernel.state import AppState


async def forget_old_challenges(payload: dict[str, Any], *, state: AppState) -> None:
    """Remove challenges that nobody can answer any more."""
    await service.forget_old_challenges(state["clock"])


module = Module(
    name="identity",
    routes=routes,
    jobs=[Job(name="forget_old_challenges", handler=forget_old_challenges)],
    schedules=[Schedule(job="forget_old_challenges", cron="17 3 * * *")],
    credentials=[
        Credential(prefix="bs_", cookie=SESSION_COOKIE, kinds=(Resident, Operator, Provider), resolve=resolve_cookie)
    ],
    lifespan=lifespan,
)

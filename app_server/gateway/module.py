"""What the gateway offers the host."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TypedDict

from app_server.gateway import provider_simulator, register_simulator
from app_server.gateway.events import deliver
from app_server.gateway.figures import FIGURES, keep_storing
from app_server.gateway.gateway import Gateway
from app_server.gateway.icons import Icons
from app_server.gateway.logouts import forget, tell
from app_server.gateway.receivers import Receivers
from app_server.gateway.routes import routes
from app_server.gateway.site import Signer
from app_server.kernel.jobs import Schedule
from app_server.kernel.modules import Module
from app_server.kernel.state import AppState
from app_server.registry.published import listings


class _Adds(TypedDict):
    gateway: Gateway
    icons: Icons
    receivers: Receivers


@asynccontextmanager
async def _lifespan(state: AppState) -> AsyncIterator[_Adds]:
    keys = state["keys"]
    gateway = Gateway(listings(state), state["settings"], Signer(key=keys.gateway_key, kid=keys.gateway_kid))
    FIGURES.gateways.add(gateway)
    storing = asyncio.get_running_loop().create_task(keep_storing(gateway))
    try:
        receivers = Receivers(allow_loopback=state["settings"].allow_loopback_apps)
        yield _Adds(gateway=gateway, icons=Icons(gateway), receivers=receivers)
    finally:
        storing.cancel()
        with suppress(asyncio.CancelledError):
            await storing
        FIGURES.gateways.discard(gateway)
        gateway.close()


register_simulator_module = Module(
    name="gateway_register_simulator", routes=register_simulator.routes
)  # demo mode only

provider_simulator_module = Module(
    name="gateway_provider_simulator", routes=provider_simulator.routes
)  # demo mode only

module = Module(
    name="gateway",
    routes=routes,
    jobs=[deliver, tell, forget],
    schedules=[Schedule(job=forget.name, cron="37 * * * *")],
    lifespan=_lifespan,
)

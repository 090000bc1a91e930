"""What the registry offers the host."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app_server.kernel.modules import Module
from app_server.kernel.state import AppState
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


module = Module(name="registry", routes=routes, lifespan=_lifespan)

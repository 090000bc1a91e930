"""What every process of Banyan opens at its start and closes at its end, in order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

from app_server import wiring
from app_server.database import database
from app_server.kernel.clock import Clock, system_clock
from app_server.kernel.live_keys import live_keys
from app_server.kernel.redis import Redis
from app_server.kernel.settings import Settings
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import settle

UNITS_END_WITHIN = 5.0  # seconds that begun units of work get at shutdown


@asynccontextmanager
async def process(settings: Settings, clock: Clock = system_clock) -> AsyncIterator[AppState]:
    """The state of a process: engines connected, every module's own part added, ports joined."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(database(settings))
        stack.push_async_callback(settle, UNITS_END_WITHIN)
        redis = Redis(settings.redis_url)
        stack.push_async_callback(redis.close)
        parts: dict[str, Any] = {
            "settings": settings,
            "keys": await stack.enter_async_context(live_keys(settings.key_file, clock)),
            "clock": clock,
            "redis": redis,
            "authenticator": wiring.authenticator(settings),
            "shutdown": asyncio.Event(),
        }
        state = cast(AppState, parts)
        for module in wiring.modules(settings):
            if module.lifespan:
                parts.update(await stack.enter_async_context(module.lifespan(state)))
        parts["ports"] = wiring.ports(state)
        await redis.start()
        try:
            yield state
        finally:
            parts["shutdown"].set()

"""The key ring of a process follows its file: a new one is in use within seconds, without a restart."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from app_server.kernel.clock import Clock
from app_server.kernel.crypto import KeyRing
from app_server.kernel.key_file import KeyFileError
from app_server.kernel.logs import logger

LOOK_EVERY = 1.0  # seconds; far shorter than settings.key_lead_seconds, so that no key is used before all know it

log = logger(__name__)


@asynccontextmanager
async def live_keys(path: Path, clock: Clock) -> AsyncIterator[KeyRing]:
    """The ring, kept up to date until the end. A file that is wrong is told once and otherwise passed over."""
    keys = KeyRing.load(path, clock)
    looking = asyncio.get_running_loop().create_task(_look(keys))
    try:
        yield keys
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking


async def _look(keys: KeyRing) -> None:
    told = ""
    while True:
        await asyncio.sleep(LOOK_EVERY)
        signed = keys.signing_key.kid
        try:
            if keys.refresh():
                log.info("keys_read", published=",".join(keys.public_keys))
            told = ""
        except KeyFileError as fault:
            if str(fault) != told:
                told = str(fault)
                log.error("key_file_refused", reason=told)
        if keys.signing_key.kid != signed:
            log.info("signing_key_took_over", kid=keys.signing_key.kid)

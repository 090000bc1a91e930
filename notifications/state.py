"""What this package adds to a process's state."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TypedDict, cast

import aiohttp

from app_server.kernel.batch import Batcher
from app_server.kernel.logs import logger
from app_server.kernel.state import AppRequest, AppState
from app_server.registry.published import listings
from notifications import frames
from notifications.carrier import Carrier
from notifications.hub import Hub
from notifications.inbox import Page, PageAsked, pages

log = logger(__name__)


class NotificationsAdds(TypedDict):
    """The streams of this process, its readers of inboxes, its way to the carrier, and the HTTP client under it."""

    hub: Hub
    inbox_pages: Batcher[PageAsked, Page]
    carrier: Carrier
    carrier_http: aiohttp.ClientSession


class NotificationsState(AppState):
    """The process's state with the part that `lifespan` adds."""

    hub: Hub
    inbox_pages: Batcher[PageAsked, Page]
    carrier: Carrier
    carrier_http: aiohttp.ClientSession


def notifications(state: AppState) -> NotificationsState:
    """The state, known to have this package's part."""
    return cast(NotificationsState, state)


def hub_of(request: AppRequest) -> Hub:
    """The streams of this process."""
    return notifications(request.state)["hub"]


@asynccontextmanager
async def lifespan(state: AppState) -> AsyncIterator[NotificationsAdds]:
    """Poll for the open streams, keep one HTTP client, and say at once when no carrier is configured."""
    settings = state["settings"]
    if settings.sms_url is None:
        log.warning("no_sms_carrier", remedy="set BANYAN_SMS_URL; until then text messages fail, sign-in codes too")
    hub = Hub(keys=state["keys"], redis=state["redis"])
    listings(state).on_change(lambda app_id, is_open: hub.announce(frames.listing(app_id, is_open)))
    polling = asyncio.get_running_loop().create_task(hub.run(state["shutdown"]))
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        try:
            yield {
                "hub": hub,
                "inbox_pages": Batcher(lambda asked: pages(state["keys"], asked), lanes=2),
                "carrier": Carrier(http, settings),
                "carrier_http": http,
            }
        finally:
            polling.cancel()
            with suppress(asyncio.CancelledError):
                await polling

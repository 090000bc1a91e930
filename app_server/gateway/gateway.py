"""The gateway of one process: which request goes to which mini-app, and what happens when it cannot.

One object for the life of the process; it holds no request and no resident.
"""

from collections.abc import Iterable, Mapping
from typing import cast

from starlette.types import Receive, Scope, Send

from app_server.gateway.limits import Limits
from app_server.gateway.pool import Lookup, system_lookup
from app_server.gateway.problems import MiniAppSuspended, MiniAppUnavailable, WebSocketNotOffered
from app_server.gateway.proxy import forward
from app_server.gateway.refusals import refuse
from app_server.gateway.site import Signer, Site
from app_server.kernel.addresses import EndpointRefused
from app_server.kernel.ids import uuid7_text
from app_server.kernel.languages import LANGUAGES
from app_server.kernel.logs import logger, request_id
from app_server.kernel.problems import InternalError, Problem
from app_server.kernel.settings import Settings
from app_server.kernel.state import AppState
from app_server.registry.problems import MiniAppUnknown
from app_server.registry.published import Listings, PublishedListing

log = logger(__name__)


class Gateway:
    """Sites by app id, each as new as its listing."""

    def __init__(
        self,
        listings: Listings,
        settings: Settings,
        signer: Signer,
        *,
        limits: Limits | None = None,
        lookup: Lookup = system_lookup,
    ) -> None:
        self._listings = listings
        self._settings = settings
        self._signer = signer
        self._limits = limits or Limits()
        self._lookup = lookup
        self._sites: dict[str, Site] = {}

    def site(self, listing: PublishedListing) -> Site:
        """The mini-app's site. Raises `miniapp_unavailable` when its endpoint may not be called."""
        found = self._sites.get(listing.app_id)
        if found is not None and found.version == listing.version:
            return found
        try:
            if found is None:
                found = self._sites[listing.app_id] = Site(
                    listing,
                    base_url=self._settings.base_url,
                    origin=self._settings.app_origin(listing.app_id),
                    signer=self._signer,
                    limits=self._limits,
                    allow_loopback=self._settings.allow_loopback_apps,
                    lookup=self._lookup,
                )
            else:
                found.take_over(listing)
        except EndpointRefused as refused:
            log.error("endpoint_refused", app_id=listing.app_id, reason=str(refused))
            raise MiniAppUnavailable() from None
        return found

    def sites(self) -> Iterable[Site]:
        """The sites that were called since the process began."""
        return list(self._sites.values())

    def close(self) -> None:
        """Close the idle connections."""
        for site in self._sites.values():
            site.close()

    async def answer(self, app_id: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request on a mini-app's origin."""
        reference = uuid7_text()
        token = request_id.set(reference)
        listing: PublishedListing | None = None
        try:
            listing = self._listings.get(app_id)
            if listing is None:
                raise MiniAppUnknown()
            if not listing.open:
                raise MiniAppSuspended()
            await forward(self.site(listing), scope, receive, send, reference)
        except Problem as problem:
            await self._refuse(scope, send, problem, listing, reference)
        except Exception as error:
            log.error("unexpected", error=error, app_id=app_id)
            await self._refuse(scope, send, InternalError(), listing, reference)
        finally:
            request_id.reset(token)

    async def refuse_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Turn a WebSocket away, with the problem where the server can send one and by closing where it cannot."""
        await receive()
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008, "reason": WebSocketNotOffered.title()})
            return

        async def send_as_socket(message: Mapping[str, object]) -> None:
            await send({**message, "type": f"websocket.{message['type']}"})

        await refuse(
            scope, send_as_socket, WebSocketNotOffered(), base_url=self._settings.base_url, reference=uuid7_text()
        )

    async def _refuse(
        self, scope: Scope, send: Send, problem: Problem, listing: PublishedListing | None, reference: str
    ) -> None:
        suspended = listing is not None and isinstance(problem, MiniAppSuspended)
        await refuse(
            scope,
            send,
            problem,
            base_url=self._settings.base_url,
            reference=reference,
            names={locale: listing.title(locale) for locale in LANGUAGES} if listing else None,
            reason=listing.state_reason if listing and suspended else None,
        )


class GatewayState(AppState):
    """What the gateway adds to the process's state."""

    gateway: Gateway


def gateway_of(state: AppState) -> Gateway:
    """The gateway of this process."""
    return cast(GatewayState, state)["gateway"]

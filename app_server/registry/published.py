"""The listings that residents and other modules see, held in every process and renewed by version.

Reading costs a dictionary lookup. A poll of PostgreSQL notices every change within two seconds; a hint over Redis makes
it sooner. While PostgreSQL is away the last good state stays.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypedDict, cast
from uuid import UUID

import orjson
from banyan_sdk.manifest import CardType, Manifest, NoticeTemplate, RequestedScope
from pydantic import ValidationError

from app_server.kernel.logs import logger
from app_server.kernel.problems import TemporarilyUnavailable
from app_server.kernel.redis import Redis
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import fetch
from app_server.registry.lifecycle import State

POLL = 1.5  # seconds between looks; with PATIENCE below 5 s, so that a suspension is everywhere in time
PATIENCE = 2.5  # seconds for one look
CHANNEL = "registry.listings"

OpenedOrClosed = Callable[[str, bool], None]

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedListing:
    """A listing with the manifest of its published release."""

    app_id: str
    organisation_id: UUID
    state: State
    state_reason: str | None
    version: int
    endpoint: str
    public_keys: Sequence[Mapping[str, Any]]
    manifest: Manifest

    @property
    def open(self) -> bool:
        """Whether residents can open it now."""
        return self.state is State.ONLINE

    def title(self, locale: str) -> str:
        """Its name in that language."""
        return self.manifest.title(locale)

    def scope(self, name: str) -> RequestedScope | None:
        """What the manifest says about a scope; None when it does not ask for it."""
        return self.manifest.scope(name)

    def card_type(self, name: str) -> CardType | None:
        """A kind of card that it issues; None when the manifest has no such card."""
        return self.manifest.card(name)

    def notice(self, name: str) -> NoticeTemplate | None:
        """A notice template; None when the manifest has no such notice."""
        return self.manifest.notice(name)


class Listings:
    """All published listings, by app id; one object per process.

    Until PostgreSQL was read once nobody can say what does not exist: asking raises `temporarily_unavailable`.
    """

    def __init__(self, listings: Iterable[PublishedListing] | None = None) -> None:
        self._by_id = {listing.app_id: listing for listing in listings or ()}
        self._known = listings is not None
        self._wake = asyncio.Event()
        self._on_change: list[OpenedOrClosed] = []
        self._refreshing = asyncio.Lock()  # one after the other, so that an older look never overwrites a newer one
        self._polling: asyncio.Task[None] | None = None

    def get(self, app_id: str) -> PublishedListing | None:
        """The listing, whatever its state; None when nothing was ever published under that id."""
        self._require_known()
        return self._by_id.get(app_id)

    def open(self) -> list[PublishedListing]:
        """All that residents can open now, by app id."""
        self._require_known()
        return [self._by_id[app_id] for app_id in sorted(self._by_id) if self._by_id[app_id].open]

    async def start(self, redis: Redis) -> None:
        """Read everything once, then keep up to date until `stop`."""
        redis.subscribe(CHANNEL, lambda _: self.look_again())
        await self._look()
        self._polling = asyncio.get_running_loop().create_task(self._poll())

    async def stop(self) -> None:
        """Stop keeping up to date."""
        if self._polling:
            self._polling.cancel()
            with suppress(asyncio.CancelledError):
                await self._polling

    def on_change(self, tell: OpenedOrClosed) -> None:
        """Call `tell(app_id, is_open)` whenever this process learns that a mini-app opened or closed."""
        self._on_change.append(tell)

    def look_again(self) -> None:
        """Look at PostgreSQL now instead of at the next poll."""
        self._wake.set()

    async def refresh(self) -> None:
        """Bring every listing up to its version in PostgreSQL."""
        async with self._refreshing:
            await self._refresh()

    async def _refresh(self) -> None:
        versions = {row["app_id"]: row["version"] for row in await fetch(_VERSIONS)}
        stale = [a for a, version in versions.items() if a not in self._by_id or self._by_id[a].version != version]
        rows = await fetch(_DETAILS, stale) if stale else []
        fresh = [found for row in rows if (found := _listing(row) or self._moved(row))]
        kept = {app_id: listing for app_id, listing in self._by_id.items() if app_id in versions}
        was_open = {listing.app_id for listing in self._by_id.values() if listing.open}
        self._by_id = kept | {listing.app_id: listing for listing in fresh}
        self._known = True
        is_open = {listing.app_id for listing in self._by_id.values() if listing.open}
        for app_id in sorted(was_open ^ is_open):
            for tell in self._on_change:
                tell(app_id, app_id in is_open)

    def _moved(self, row: Mapping[str, Any]) -> PublishedListing | None:
        """The listing with the manifest that is held and the state of the row, when its new manifest cannot be read.

        A newer Banyan beside this one may publish what this one does not know; that must not undo an emergency stop.
        """
        held = self._by_id.get(row["app_id"])
        if held is None:
            return None
        return replace(held, state=_state(row), state_reason=row["state_reason"], version=row["version"])

    def _require_known(self) -> None:
        if not self._known:
            raise TemporarilyUnavailable()

    async def _poll(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL):
                    await self._wake.wait()
            self._wake.clear()
            await asyncio.get_running_loop().create_task(self._look())  # a fresh task survives a restart of PostgreSQL

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self.refresh()
        except Exception as error:
            log.warning("listings_not_renewed", reason=type(error).__name__)


class RegistryState(AppState):
    """What the registry adds to the process's state."""

    listings: Listings


class RegistryAdds(TypedDict):
    """The part of `RegistryState` that the registry's lifespan provides."""

    listings: Listings


def listings(state: AppState) -> Listings:
    """The listings of this process."""
    return cast(RegistryState, state)["listings"]


_VERSIONS = "SELECT app_id, version FROM registry_listing WHERE published_release_id IS NOT NULL"
_DETAILS = (
    "SELECT l.app_id, l.organisation_id, l.state, l.state_reason, l.version, l.endpoint, l.public_keys, r.manifest"
    " FROM registry_listing l JOIN registry_release r ON r.id = l.published_release_id WHERE l.app_id = ANY($1)"
)


def _listing(row: Mapping[str, Any]) -> PublishedListing | None:
    try:
        manifest = Manifest.model_validate(orjson.loads(row["manifest"]))
    except ValidationError:  # published under older rules; one such listing keeps no other from being renewed
        log.error("manifest_unreadable", app_id=row["app_id"], version=row["version"])
        return None
    return PublishedListing(
        app_id=row["app_id"],
        organisation_id=row["organisation_id"],
        state=_state(row),
        state_reason=row["state_reason"],
        version=row["version"],
        endpoint=row["endpoint"],
        public_keys=tuple(orjson.loads(row["public_keys"])),
        manifest=manifest,
    )


def _state(row: Mapping[str, Any]) -> State:
    try:
        return State(row["state"])
    except ValueError:  # one that only a newer Banyan knows; nobody can open it here
        return State.SUSPENDED

"""Facts of the registry."""

from dataclasses import dataclass

from app_server.kernel.events import Event


@dataclass(frozen=True, kw_only=True)
class ListingSuspended(Event):
    """An operator stopped a mini-app; no resident reaches it any more."""

    app_id: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ListingLifted(Event):
    """An operator let a suspended mini-app run again."""

    app_id: str
    reason: str

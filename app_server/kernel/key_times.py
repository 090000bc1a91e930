"""When a key of the ring is used: it lies there first, so that everybody knows it, is used later, and stays for what it
made. No clock, no file.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

OVERLAP = timedelta(hours=72)  # a signing key that gave way stays published for longer than any token lives
HINTS = timedelta(days=400)  # an ID token comes back as a hint for as long as anybody stays signed in
CACHED = timedelta(minutes=5)  # others may keep the published keys for so long


class Timed(Protocol):
    """A key that knows when its time comes."""

    @property
    def used_from(self) -> datetime:
        """From then on it signs or seals, until the next one does."""


Key = TypeVar("Key", bound=Timed)


def in_use(keys: Sequence[Key], now: datetime) -> Key:
    """The key that signs or seals. `keys` stand newest first; before the time of any, it is the oldest."""
    return next((key for key in keys if key.used_from <= now), keys[-1])


def gives_way(keys: Sequence[Key], key: Key) -> datetime | None:
    """When the next one takes over from it; None for the newest."""
    place = keys.index(key)
    return keys[place - 1].used_from if place else None


def published(keys: Sequence[Key], now: datetime) -> list[Key]:
    """Those that verify: a key until `OVERLAP` after it gave way, and before its time as well."""
    return _gave_way_within(OVERLAP, keys, now)


def kept(keys: Sequence[Key], now: datetime) -> list[Key]:
    """Those that stay in the file: the published, and longer, for hints alone, those that made ID tokens."""
    return _gave_way_within(HINTS, keys, now)


def _gave_way_within(time: timedelta, keys: Sequence[Key], now: datetime) -> list[Key]:
    ends = [gives_way(keys, key) for key in keys]
    return [key for key, end in zip(keys, ends, strict=True) if end is None or now < end + time]


def cached_for(lead: timedelta) -> timedelta:
    """How long others may keep the published keys, when a new one is published for `lead` before it signs.

    At most half of it; the other half is for our own processes to read the file, and for clocks that differ.
    """
    return min(CACHED, lead / 2)

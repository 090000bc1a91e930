"""A mini-app's icon, from our own origin: residents' browsers do not visit a mini-app to show a list of many.

An icon is fetched once for a version of its listing. Where there is none, its first letter stands in, and the mini-app
is asked again after a while, however many ask us.
"""

import hashlib
import math
import time
from dataclasses import dataclass, replace
from html import escape
from typing import cast

from app_server.gateway.calls import call
from app_server.gateway.gateway import Gateway
from app_server.gateway.paths import PathRefused, canonical
from app_server.gateway.site import Crowded, Resting
from app_server.gateway.upstream import CallFailed
from app_server.kernel.ids import uuid7_text
from app_server.kernel.problems import Problem
from app_server.kernel.state import AppState
from app_server.registry.published import PublishedListing

TYPES = frozenset({"image/svg+xml", "image/png", "image/webp", "image/jpeg"})
WITHIN = 2.0
ASK_AGAIN_AFTER = 30.0  # seconds that a stand-in stands
COLOURS = ("#1F6B4A", "#2F5D8A", "#7A4B1E", "#6B3A6E", "#8A3B2F", "#3E5C2A")


@dataclass(frozen=True, slots=True)
class Icon:
    """An image; `final` is False for a stand-in that may be replaced by the real one soon."""

    media_type: str
    body: bytes
    final: bool


@dataclass(frozen=True, slots=True)
class _Kept:
    version: int
    until: float
    icon: Icon


class Icons:
    """The icons that were asked for, by app id and version."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._kept: dict[str, _Kept] = {}

    async def icon(self, listing: PublishedListing) -> Icon:
        """The icon, or its stand-in."""
        kept = self._kept.get(listing.app_id)
        if kept and kept.version == listing.version and time.monotonic() < kept.until:
            return kept.icon
        icon = await self._fetched(listing) if listing.open else None
        until = math.inf
        if icon is None:
            icon = replace(kept.icon, final=False) if kept else letter(listing.title("zh-CN"), listing.app_id)
            until = time.monotonic() + ASK_AGAIN_AFTER
        self._kept[listing.app_id] = _Kept(listing.version, until, icon)
        return icon

    async def _fetched(self, listing: PublishedListing) -> Icon | None:
        source = listing.manifest.icons[0].src
        try:
            path = canonical(source.encode("utf-8")).decode()
            site = self._gateway.site(listing)
            answer = await call(site, "GET", path, reference=uuid7_text(), within=WITHIN)
        except (PathRefused, CallFailed, Crowded, Resting, Problem):
            return None
        media_type = answer.header(b"content-type").partition(";")[0].strip().lower()
        encoded = answer.header(b"content-encoding")
        if answer.status != 200 or encoded or media_type not in TYPES or not answer.body:
            return None
        return Icon(media_type, answer.body, final=True)


def letter(name: str, app_id: str) -> Icon:
    """The first letter of a name on a colour that stays the same for a mini-app."""
    colour = COLOURS[hashlib.sha256(app_id.encode()).digest()[0] % len(COLOURS)]
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96">'
        f'<rect width="96" height="96" rx="20" fill="{colour}"/>'
        '<text x="48" y="50" font-family="system-ui,sans-serif" font-size="48" font-weight="600" fill="#fff"'
        f' text-anchor="middle" dominant-baseline="central">{escape(name[:1].upper())}</text></svg>'
    )
    return Icon("image/svg+xml", drawing.encode(), final=False)


class IconsState(AppState):
    """What the icons add to the process's state."""

    icons: Icons


def icons_of(state: AppState) -> Icons:
    """The icons of this process."""
    return cast(IconsState, state)["icons"]

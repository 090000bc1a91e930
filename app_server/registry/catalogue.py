"""The mini-apps that residents can find: search and paging over the published listings. Pure."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from app_server.registry.published import PublishedListing


@dataclass(frozen=True, slots=True)
class Found:
    """One part of the result, and the app id after which the next part begins; None at the end."""

    listings: list[PublishedListing]
    next_after: str | None


def search(listings: Iterable[PublishedListing], wanted: str, *, after: str | None, limit: int) -> Found:
    """Those whose name, description or sponsor has every word of `wanted` in some language, by app id."""
    words = _folded(wanted).split()
    matching = [
        listing
        for listing in listings
        if (after is None or listing.app_id > after) and all(word in _text(listing) for word in words)
    ]
    matching.sort(key=lambda listing: listing.app_id)
    part = matching[:limit]
    return Found(part, part[-1].app_id if len(matching) > limit else None)


def _text(listing: PublishedListing) -> str:
    manifest = listing.manifest
    texts = [listing.app_id, manifest.name, manifest.description or ""]
    for translated in (manifest.banyan.name, manifest.banyan.description, manifest.banyan.sponsor):
        texts.extend((translated or {}).values())
    return _folded("\n".join(texts))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()

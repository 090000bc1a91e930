"""Cards as people see them: sealed values opened, names in their language."""

import base64
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import orjson
from banyan_sdk.manifest import CardField, CardType, in_language

from app_server.kernel.crypto import KeyRing
from app_server.registry.published import Listings
from card_wallet.disclosure import masked
from card_wallet.lifecycle import Status, standing
from card_wallet.schemas import CardView, FieldView

NUMBER = "card_wallet_card.number"  # the names that sealed values are bound to
FIELDS = "card_wallet_card.sealed_fields"
PLAIN_COLOUR = "#56615B"  # of a card whose issuer no longer declares it


def seal_number(number: str, keys: KeyRing) -> bytes:
    """A card's number, for its column."""
    return keys.seal(NUMBER, number)


def seal_fields(values: Mapping[str, str], keys: KeyRing) -> dict[str, str]:
    """A card's values, each sealed for itself and under its own name, so that one is opened without the others."""
    return {name: base64.b64encode(keys.seal(_sealing_name(name), value)).decode() for name, value in values.items()}


def open_field(field: CardField, sealed: Mapping[str, str], keys: KeyRing, language: str) -> FieldView:
    """One field, opened and called by its name."""
    value = keys.open(_sealing_name(field.name), base64.b64decode(sealed[field.name]))
    return FieldView(name=field.name, label=in_language(field.label, language), value=value)


def open_fields(
    card_type: CardType, names: Iterable[str], sealed: Mapping[str, str], keys: KeyRing, language: str
) -> list[FieldView]:
    """The named fields, as far as the card has them, in its order."""
    wanted = set(names) & sealed.keys()
    return [open_field(field, sealed, keys, language) for field in card_type.fields if field.name in wanted]


def card_view(row: Mapping[str, Any], *, listings: Listings, keys: KeyRing, language: str, now: datetime) -> CardView:
    """A row of `card_wallet_card` as its holder sees it."""
    listing = listings.get(row["app_id"])
    card_type = listing.card_type(row["type"]) if listing else None
    sealed = orjson.loads(row["sealed_fields"])
    return CardView(
        id=row["id"],
        type=row["type"],
        app_id=row["app_id"],
        title=in_language(card_type.title, language) if card_type else row["type"],
        issuer=listing.title(language) if listing else row["app_id"],
        number_masked=masked(keys.open(NUMBER, row["number"])),
        colour=card_type.colour if card_type else PLAIN_COLOUR,
        status=standing(Status(row["status"]), row["expires_at"], now).value,
        fields=open_fields(card_type, sealed, sealed, keys, language) if card_type else [],
        issued_at=row["issued_at"],
        expires_at=row["expires_at"],
        version=row["version"],
    )


def _sealing_name(field: str) -> str:
    return f"{FIELDS}.{field}"

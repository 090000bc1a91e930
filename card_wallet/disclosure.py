"""What of a card is shown to whom. Pure."""

from collections.abc import Iterable, Sequence

from banyan_sdk.manifest import CardType

MASKED_TAIL = 4  # characters of a number by which its holder recognises it


def disclosed(card_type: CardType | None, role: str) -> Sequence[str] | None:
    """The names of the fields that a reader of this role may see, in the card's order; None: it takes no such card."""
    if card_type is None or role not in card_type.disclose:
        return None
    allowed = card_type.disclose[role]
    return [field.name for field in card_type.fields if field.name in allowed]


def undeclared(card_type: CardType, names: Iterable[str]) -> list[str]:
    """The names that the card type does not have."""
    return sorted(set(names) - {field.name for field in card_type.fields})


def masked(number: str) -> str:
    """A card's number as a list shows it: its last characters, and never more than half of it."""
    tail = min(MASKED_TAIL, len(number) // 2)
    return "•••• " + number[len(number) - tail :] if tail else "••••"

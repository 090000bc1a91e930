"""What of a card is shown to whom, and when it is good: decided without looking anything up."""

from datetime import UTC, datetime, timedelta

from banyan_sdk.manifest import CardType
from hypothesis import given
from hypothesis import strategies as st

from card_wallet.disclosure import disclosed, masked, undeclared
from card_wallet.lifecycle import BECOMES, Status, standing

NOW = datetime(2026, 1, 1, tzinfo=UTC)
names = st.lists(st.sampled_from(["holder_name", "number", "loans", "photo"]), unique=True)


def card_type(fields: list[str], disclose: dict[str, list[str]]) -> CardType:
    return CardType.model_validate(
        {"type": "t", "title": "T", "fields": [{"name": n, "label": n} for n in fields], "disclose": disclose}
    )


@given(names, names)
def test_a_role_never_sees_a_field_that_the_card_does_not_name_for_it(fields: list[str], allowed: list[str]) -> None:
    shown = disclosed(card_type(fields, {"desk": allowed}), "desk")
    assert shown == [name for name in fields if name in allowed]


def test_a_role_that_is_not_named_or_a_card_that_is_not_known_is_none_and_not_nothing() -> None:
    card = card_type(["holder_name"], {"gate": []})
    assert disclosed(card, "gate") == []
    assert disclosed(card, "desk") is None
    assert disclosed(None, "desk") is None


@given(names, names)
def test_undeclared_fields_are_named(fields: list[str], given: list[str]) -> None:
    assert undeclared(card_type(fields, {}), given) == sorted(set(given) - set(fields))


@given(st.text("0123456789AB", max_size=30))
def test_a_masked_number_gives_away_four_characters_at_most_and_never_most_of_it(number: str) -> None:
    tail = masked(number).removeprefix("••••").removeprefix(" ")
    assert number.endswith(tail)
    assert len(tail) <= min(4, len(number) / 2)


def test_a_card_is_good_until_its_time_and_not_at_it() -> None:
    assert standing(Status.ACTIVE, None, NOW) == "active"
    assert standing(Status.ACTIVE, NOW + timedelta(microseconds=1), NOW) == "active"
    assert standing(Status.ACTIVE, NOW, NOW) == "expired"
    assert standing(Status.SUSPENDED, NOW, NOW) == "suspended"
    assert standing(Status.REVOKED, NOW, NOW) == "revoked"


def test_nothing_follows_revocation() -> None:
    assert BECOMES[Status.REVOKED] == frozenset()
    assert all(Status.REVOKED in BECOMES[status] for status in (Status.ACTIVE, Status.SUSPENDED))
    assert set(BECOMES) == set(Status)

"""What a shown code stands for, kept in Valkey."""

from uuid import UUID

import pytest

from app_server.kernel.ids import uuid7
from card_wallet import codes, handles
from tests.city import City


def shown(city: City, card_id: UUID) -> handles.Shown:
    now = city.clock()
    return handles.Shown(card_id=card_id, resident_id=uuid7(), app_id="library", card_type="library-card", shown_at=now)


async def test_two_who_draw_the_same_digits_do_not_show_each_others_card(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = iter([7, 7, 8])
    monkeypatch.setattr("card_wallet.handles.secrets.randbelow", lambda most: next(drawn))
    redis, keys, mine, hers = city.state["redis"], city.state["keys"], uuid7(), uuid7()
    first = await handles.keep(redis, keys, shown(city, mine))
    second = await handles.keep(redis, keys, shown(city, hers))
    assert (first.spoken, second.spoken) == (codes.spoken(7), codes.spoken(8))
    assert (await handles.take(redis, first.handle, uuid7(), uuid7())).card_id == mine
    assert (await handles.take(redis, second.handle, uuid7(), uuid7())).card_id == hers

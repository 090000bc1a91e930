"""What a shown code stands for, kept in Valkey."""

from uuid import UUID

import pytest

from app_server.kernel.ids import uuid7
from card_wallet import codes, handles
from card_wallet.problems import CardCodeAlreadyUsed, CardCodeUsedElsewhere
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
    assert (await handles.take(redis, first.handle, uuid7(), "1")).card_id == mine
    assert (await handles.take(redis, second.handle, uuid7(), "1")).card_id == hers


async def test_a_used_code_stays_its_first_takers_whoever_tries_it_later(city: City) -> None:
    redis, desk, gate = city.state["redis"], uuid7(), uuid7()
    code = (await handles.keep(redis, city.state["keys"], shown(city, uuid7()))).handle
    first = await handles.take(redis, code, desk, "1")
    for _ in range(2):
        with pytest.raises(CardCodeUsedElsewhere):
            await handles.take(redis, code, gate, "1")
        with pytest.raises(CardCodeAlreadyUsed):
            await handles.take(redis, code, desk, "2")
        assert await handles.take(redis, code, desk, "1") == first

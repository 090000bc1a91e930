"""What sign-in leaves behind goes when it is over, and what still protects somebody stays."""

from datetime import timedelta

import pytest

from app_server.identity import forgetting
from app_server.identity.forgetting import forget_old_challenges, forget_old_sessions
from app_server.kernel import clearing
from tests.city import City
from tests.identity.test_refresh import renewed
from tests.identity.test_sign_in import PHONE


async def count(city: City, table: str) -> int:
    ((found,),) = await city.rows(f"SELECT count(*) FROM {table}")
    return int(found)


async def test_ended_and_expired_sessions_go_with_their_tokens_and_open_ones_stay(city: City) -> None:
    lin, chen = await city.person(PHONE), await city.person("+8613800000002")
    await renewed(lin)
    await lin.delete("/v1/sign-in/sessions/current")
    await forget_old_sessions({}, state=city.state)
    assert await count(city, "core_session") == 2, "other processes may still have to hear that one ended"
    city.clock.ahead = timedelta(hours=2, minutes=1)
    await forget_old_sessions({}, state=city.state)
    assert await city.rows("SELECT resident_id::text FROM core_session") == [(chen.id,)]
    assert await count(city, "core_refresh_token") == 1
    city.clock.ahead = timedelta(days=90, hours=2, minutes=1)
    await forget_old_sessions({}, state=city.state)
    assert await count(city, "core_session") == await count(city, "core_refresh_token") == 0


async def test_a_sealed_successor_goes_with_the_grace_and_a_used_token_still_ends_its_session(city: City) -> None:
    person = await city.person(PHONE)
    assert (await renewed(person))[0] == 200
    await forget_old_sessions({}, state=city.state)
    assert (await renewed(person))[0] == 200, "within the grace the same successor is given"
    city.clock.ahead = timedelta(seconds=31)
    await forget_old_sessions({}, state=city.state)
    assert await city.rows("SELECT 1 FROM core_refresh_token WHERE successor_sealed IS NOT NULL") == []
    city.clock.ahead = timedelta(days=29)
    await forget_old_sessions({}, state=city.state)
    assert (await renewed(person))[0] == 400
    assert await city.rows("SELECT 1 FROM core_session WHERE ended_at IS NULL") == []


async def test_a_used_token_is_forgotten_after_a_month(city: City) -> None:
    person = await city.person(PHONE)
    await renewed(person)
    city.clock.ahead = timedelta(days=31)
    await forget_old_sessions({}, state=city.state)
    assert await city.rows("SELECT used_at FROM core_refresh_token") == [(None,)]


async def test_old_challenges_go(city: City) -> None:
    await city.person(PHONE)
    await forget_old_challenges({}, state=city.state)
    assert await count(city, "core_sign_in_challenge") == 1
    city.clock.ahead = timedelta(days=1, minutes=6)
    await forget_old_challenges({}, state=city.state)
    assert await count(city, "core_sign_in_challenge") == 0


async def test_many_sessions_go_page_by_page(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clearing, "PAGE", 2)
    monkeypatch.setattr(forgetting, "PAGE", 2)
    person = await city.person(PHONE)
    for _ in range(4):
        _, answer = await renewed(person)
        person.refresh_token = answer["refresh_token"]
    await person.delete("/v1/sign-in/sessions/current")
    city.clock.ahead = timedelta(hours=3)
    await forget_old_sessions({}, state=city.state)
    assert (await count(city, "core_session"), await count(city, "core_refresh_token")) == (1, 3)
    await city.work()
    assert (await count(city, "core_session"), await count(city, "core_refresh_token")) == (0, 0)

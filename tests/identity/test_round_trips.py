"""What the hot requests of identity ask of the engines; the benchmarks say what that costs."""

import asyncio

import pytest

from tests.city import City
from tests.identity.test_refresh import renewed
from tests.round_trips import RoundTrips


async def test_a_profile_costs_one_question_and_thirty_at_once_a_few(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    lin = await city.person()
    trips = RoundTrips(monkeypatch, city)
    assert (await lin.get("/v1/me")).status_code == 200
    assert (trips.redis, len(trips.sql)) == (0, 1), trips.sql
    trips.forget()
    answers = await asyncio.gather(*(lin.get("/v1/me") for _ in range(30)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(trips.sql) <= 8, trips.sql
    assert trips.redis == 0


async def test_a_refresh_costs_one_statement_which_is_the_commit(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    lin = await city.person()
    trips = RoundTrips(monkeypatch, city)
    assert (await renewed(lin))[0] == 200
    assert (trips.redis, len(trips.sql)) == (0, 1), trips.sql

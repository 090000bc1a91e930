"""Rates are held while Valkey is there; what happens without it is the caller's choice."""

from datetime import timedelta
from pathlib import Path

import pytest

from app_server.kernel.limits import Rate, limit
from app_server.kernel.problems import TooManyRequests
from app_server.kernel.redis import Redis, RedisUnavailable
from tests.city import City

TWICE = Rate(most=2, per=timedelta(seconds=30))


async def test_the_third_of_two_is_told_when_to_come_back_and_others_are_not_held_up(city: City) -> None:
    redis = city.state["redis"]
    await limit(redis, "codes", "lin", TWICE)
    await limit(redis, "codes", "lin", TWICE)
    with pytest.raises(TooManyRequests) as told:
        await limit(redis, "codes", "lin", TWICE)
    assert 1 <= int(told.value.headers["Retry-After"]) <= 30
    await limit(redis, "codes", "chen", TWICE)
    await limit(redis, "pictures", "lin", TWICE)


async def test_a_window_ends(city: City) -> None:
    redis, short = city.state["redis"], Rate(most=1, per=timedelta(milliseconds=50))
    await limit(redis, "codes", "lin", short)
    left = await redis.call("PTTL", "limit:codes:lin")
    assert 0 < left <= 50


async def test_without_valkey_a_limit_is_open_or_closed_as_its_caller_says(tmp_path: Path) -> None:
    nowhere = Redis(f"unix://{tmp_path}/valkey.sock")
    try:
        await limit(nowhere, "notices", "lin", TWICE, fail_open=True)
        with pytest.raises(RedisUnavailable):
            await limit(nowhere, "codes", "lin", TWICE, fail_open=False)
    finally:
        await nowhere.close()

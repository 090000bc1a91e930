"""A library in a city, with a clock that tests can turn."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from banyan_sdk.testing import City

from miniapp_library.app import library


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 4, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_days(self, days: int) -> None:
        self.now += timedelta(days=days)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def city(clock: Clock) -> AsyncIterator[City]:
    async with City(library(clock)) as city:
        yield city

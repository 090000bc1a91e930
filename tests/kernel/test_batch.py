"""What waits together is done together."""

import asyncio

import pytest
from asyncpg import DataError

from app_server.kernel.batch import Batcher


async def test_what_arrives_at_once_is_one_turn_and_each_gets_its_own_answer() -> None:
    turns: list[list[int]] = []

    async def double(items: list[int]) -> list[int]:
        turns.append(items)
        await asyncio.sleep(0.01)
        return [item * 2 for item in items]

    batcher = Batcher(double)
    answers = await asyncio.gather(*(batcher(n) for n in range(50)))
    assert answers == [n * 2 for n in range(50)]
    assert len(turns) == 1


async def test_what_arrives_during_a_turn_goes_into_the_next_and_none_is_larger_than_allowed() -> None:
    turns: list[int] = []

    async def echo(items: list[int]) -> list[int]:
        turns.append(len(items))
        await asyncio.sleep(0.01)
        return items

    batcher = Batcher(echo, most=4)
    first = asyncio.create_task(batcher(0))
    await asyncio.sleep(0.005)
    rest = await asyncio.gather(*(batcher(n) for n in range(1, 10)))
    assert await first == 0
    assert rest == list(range(1, 10))
    assert turns == [1, 4, 4, 1]


async def test_one_bad_item_fails_alone_and_a_failed_turn_fails_for_all_of_it() -> None:
    async def run(items: list[str]) -> list[str | BaseException]:
        if "all" in items:
            raise ConnectionError("gone")
        return [ValueError(item) if item == "bad" else item for item in items]

    batcher: Batcher[str, str] = Batcher(run)
    good, bad = await asyncio.gather(batcher("good"), batcher("bad"), return_exceptions=True)
    assert good == "good"
    assert isinstance(bad, ValueError)
    both = await asyncio.gather(batcher("all"), batcher("good"), return_exceptions=True)
    assert all(isinstance(answer, ConnectionError) for answer in both)
    assert await batcher("good") == "good"


async def test_a_caller_that_leaves_takes_nothing_with_it() -> None:
    async def echo(items: list[int]) -> list[int]:
        await asyncio.sleep(0.01)
        return items

    batcher = Batcher(echo)
    leaving, staying = asyncio.create_task(batcher(1)), asyncio.create_task(batcher(2))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == 2
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert await batcher(3) == 3


async def test_no_turn_is_made_for_nobody() -> None:
    turns: list[list[int]] = []

    async def echo(items: list[int]) -> list[int]:
        turns.append(items)
        await asyncio.sleep(0)
        return items

    batcher = Batcher(echo, lanes=2)
    await asyncio.gather(*(batcher(n) for n in range(5)))  # the second starts a turn whose items the first one takes
    for number in range(5):
        await batcher(number)  # asks again before the turn that answered it has ended
    assert [] not in turns


async def test_what_postgresql_cannot_take_fails_alone() -> None:
    async def read(items: list[int]) -> list[int]:
        await asyncio.sleep(0)
        if 7 in items:
            raise DataError("7")
        return items

    batcher = Batcher(read)
    answers = await asyncio.gather(*(batcher(n) for n in range(10)), return_exceptions=True)
    assert [n for n, answer in enumerate(answers) if isinstance(answer, DataError)] == [7]
    assert [answer for n, answer in enumerate(answers) if n != 7] == [n for n in range(10) if n != 7]

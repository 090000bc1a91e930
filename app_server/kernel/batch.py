"""Many requests, one round trip: what waits together is done together.

The first item to arrive starts a turn; everything that arrives while a turn is under way goes into the next one. Under
load this makes a read of twenty cards one query and twenty presentations one commit; without load it costs nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

from asyncpg import DataError

from app_server.kernel.unit_of_work import in_unit

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Batcher(Generic[Item, Answer]):
    """Calls `run` with the items that wait; `run` answers one value, or one exception, for each item in order.

    A turn runs in a task of its own with an empty context: a caller that is cancelled takes nothing with it, and a
    turn never joins a caller's transaction. Inside a unit of work an item is done by itself, in that unit: a turn wants
    a connection, and when all of them are held by callers who wait for one, nobody ever moves again. `unit_of_work` is
    False for turns that want none.
    """

    def __init__(
        self,
        run: Callable[[list[Item]], Awaitable[Sequence[Answer | BaseException]]],
        *,
        most: int = 256,
        lanes: int = 1,
        unit_of_work: bool = True,
    ) -> None:
        self._run = run
        self._joins = unit_of_work
        self._most = most
        self._free_lanes = lanes
        self._waiting: list[tuple[Item, asyncio.Future[Answer]]] = []
        self._turns: set[asyncio.Task[None]] = set()

    async def __call__(self, item: Item) -> Answer:
        """The answer for this item, after the turn that held it has ended."""
        if self._joins and in_unit():
            answer = await self._alone(item)
            if isinstance(answer, BaseException):
                raise answer
            return answer
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._free_lanes:
            self._free_lanes -= 1
            self._start_turn()
        return await future

    def _start_turn(self) -> None:
        turn = asyncio.get_running_loop().create_task(self._turn(), context=Context())
        self._turns.add(turn)
        turn.add_done_callback(self._end_turn)

    def _end_turn(self, turn: asyncio.Task[None]) -> None:
        self._turns.discard(turn)
        if self._waiting:
            self._start_turn()
        else:
            self._free_lanes += 1

    async def _turn(self) -> None:
        batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        if not batch:  # another lane's turn has taken them all
            return
        items = [item for item, _ in batch]
        answers: Sequence[Answer | BaseException] = [ConnectionError("stopped")] * len(items)
        try:
            answers = await self._run(items)
        except DataError as error:  # PostgreSQL cannot take one of the items, and nothing of the turn was done
            answers = [await self._alone(item) for item in items] if len(items) > 1 else [error]
        except Exception as error:
            answers = [error] * len(items)
        finally:
            for (_, future), answer in zip(batch, answers, strict=True):
                if future.done():
                    continue
                if isinstance(answer, BaseException):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)

    async def _alone(self, item: Item) -> Answer | BaseException:
        try:
            (answer,) = await self._run([item])
        except Exception as error:
            return error
        return answer

"""Which residents have a stream open in this process, and how those streams learn that there is something new.

A hint comes by Redis pub/sub as soon as a notice is committed; because hints get lost, and Redis may be away, one query
every `POLL` seconds asks for all residents here at once. Neither carries content: a woken stream reads by its cursor.
"""

import asyncio
from contextlib import suppress
from contextvars import Context
from uuid import UUID

from starlette.types import Receive

from app_server.kernel.batch import Batcher
from app_server.kernel.crypto import KeyRing, SealBroken
from app_server.kernel.logs import logger
from app_server.kernel.metrics import STREAMS
from app_server.kernel.redis import Redis
from notifications import inbox
from notifications.inbox import Notice

POLL = 2.5  # seconds until a notice whose hint was lost is seen
MOST_STREAMS = 8  # of one resident in one process; the ninth ends the oldest

log = logger(__name__)


class Disconnected(Exception):
    """The browser has gone."""


class Seat:
    """One open stream, as the hub sees it: where it has read to, and how to wake it."""

    __slots__ = ("_pause", "_woken", "cursor", "ending", "resident_id", "said")

    def __init__(self, resident_id: UUID, cursor: int) -> None:
        self.resident_id = resident_id
        self.cursor = cursor
        self.ending = False
        self.said = b""  # frames for everybody that this stream has not sent yet
        self._woken = True  # a new stream first reads what it missed
        self._pause: asyncio.Timeout | None = None

    def wake(self) -> None:
        """Let the stream look at its inbox."""
        self._woken = True
        if self._pause is not None and not self._pause.expired():
            self._pause.reschedule(0)
            self._pause = None

    def end(self) -> None:
        """Let the stream say goodbye."""
        self.ending = True
        self.wake()

    async def pause(self, receive: Receive, seconds: float) -> bool:
        """Wait until woken (True) or for so many seconds (False). Raises `Disconnected`.

        The wait itself listens for the end of the connection, so that a stream is one task; a wake moves the wait's
        deadline to now.
        """
        if not self._woken:
            try:
                async with asyncio.timeout(seconds) as self._pause:
                    while (await receive())["type"] != "http.disconnect":
                        pass
                    raise Disconnected
            except TimeoutError:
                pass
            finally:
                self._pause = None
        woken, self._woken = self._woken, False
        return woken


class Hub:
    """The open streams of one process."""

    def __init__(self, *, keys: KeyRing, redis: Redis) -> None:
        self._keys = keys
        self._seats: dict[UUID, list[Seat]] = {}
        self._read: Batcher[tuple[UUID, int], list[Notice]] = Batcher(self._read_many, lanes=2)
        self._closed = False
        redis.subscribe(inbox.CHANNEL, self._hinted)

    def join(self, resident_id: UUID, cursor: int) -> Seat:
        """A seat for a stream that has read up to `cursor`. `leave` must follow."""
        seat = Seat(resident_id, cursor)
        seats = self._seats.setdefault(resident_id, [])
        seats.append(seat)
        if len(seats) > MOST_STREAMS:
            next(other for other in seats if not other.ending).end()
        if self._closed:
            seat.end()
        STREAMS.inc()
        return seat

    def leave(self, seat: Seat) -> None:
        """The stream is over."""
        seats = self._seats[seat.resident_id]
        seats.remove(seat)
        if not seats:
            del self._seats[seat.resident_id]
        STREAMS.dec()

    def announce(self, frame: bytes) -> None:
        """Send a frame to every stream here; who is not listening now never gets it."""
        for seats in self._seats.values():
            for seat in seats:
                seat.said += frame
                seat.wake()

    async def read(self, seat: Seat) -> list[Notice]:
        """What came after the seat's cursor, in order; what many streams ask at once is one query."""
        return await self._read((seat.resident_id, seat.cursor))

    async def run(self, shutdown: asyncio.Event) -> None:
        """Poll until the shutdown, then end every stream."""
        while not shutdown.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL):
                    await shutdown.wait()
            if self._seats and not shutdown.is_set():
                # A fresh task each time: a loop that lived through a restart of PostgreSQL would never recover.
                await asyncio.get_running_loop().create_task(self._poll(), context=Context())
        self._closed = True
        for seats in self._seats.values():
            for seat in seats:
                seat.end()

    async def _poll(self) -> None:
        try:
            newest = await inbox.last_positions(list(self._seats))
        except Exception as error:
            log.warning("inbox_poll_failed", reason=type(error).__name__)
            return
        for resident_id, position in newest.items():
            self._wake(resident_id, position)

    def _hinted(self, text: str) -> None:
        resident_id, _, position = text.partition(" ")
        try:
            self._wake(UUID(resident_id), int(position))
        except ValueError:
            log.warning("hint_not_understood")

    def _wake(self, resident_id: UUID, position: int) -> None:
        for seat in self._seats.get(resident_id, ()):
            if seat.cursor < position:
                seat.wake()

    async def _read_many(self, asked: list[tuple[UUID, int]]) -> list[list[Notice] | SealBroken]:
        return await inbox.after_positions(self._keys, asked)

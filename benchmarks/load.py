"""The load: keep-alive connections that each ask again as soon as they are answered, in a process of their own.

`python -m benchmarks.load` reads a `Load` as JSON from standard input and writes a `Tally` to standard output.
"""

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import cycle

import httptools
import orjson
import uvloop

GIVE_UP = 30.0  # seconds after the end by which a stuck load is ended


class LoadFailed(Exception):
    """A connection broke; the message says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What to ask. Requests are whole HTTP/1.1 messages, taken in turn by whichever connection is free.

    `once`: each is sent once at most, and the load ends when they are used up.
    """

    port: int
    requests: list[str]
    seconds: float
    connections: int
    once: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What came back. Latencies are in milliseconds."""

    seconds: float
    statuses: dict[str, int]
    p50: float
    p99: float

    @property
    def answered(self) -> int:
        """How many requests were answered."""
        return sum(self.statuses.values())


def run(load: Load) -> Tally:
    """Put the load on a server of this machine, from a new process. Raises `LoadFailed`."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=orjson.dumps(asdict(load)),
        capture_output=True,
        timeout=load.seconds + 2 * GIVE_UP,
    )
    if done.returncode != 0:
        raise LoadFailed(done.stderr.decode().splitlines()[-1])
    return Tally(**orjson.loads(done.stdout))


class _Course:
    """What the connections of a load share."""

    def __init__(self, load: Load) -> None:
        messages = [request.encode("latin-1") for request in load.requests]
        self._messages: Iterator[bytes] = iter(messages) if load.once else cycle(messages)
        self._ends = time.perf_counter() + load.seconds
        self.statuses: Counter[int] = Counter()
        self.latencies: list[float] = []

    def next(self) -> bytes | None:
        """The next request; None when it is time to stop."""
        return next(self._messages, None) if time.perf_counter() < self._ends else None


class _Connection(asyncio.Protocol):
    """One connection, with one request under way."""

    def __init__(self, course: _Course) -> None:
        self._course = course
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._asked = 0.0
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the first time."""
        self._transport = transport  # type: ignore[assignment]
        self._ask()

    def data_received(self, data: bytes) -> None:
        """A part of an answer."""
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """An answer is whole."""
        self._course.latencies.append(time.perf_counter() - self._asked)
        self._course.statuses[self._parser.get_status_code()] += 1
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end; the server's when we did not close ourselves."""
        if not self.ended.done():
            self.ended.set_exception(exc or ConnectionError("the server closed a connection"))

    def _ask(self) -> None:
        assert self._transport
        message = self._course.next()
        if message is None:
            self.ended.set_result(None)
            self._transport.close()
        else:
            self._asked = time.perf_counter()
            self._transport.write(message)


async def _put(load: Load) -> Tally:
    loop, began = asyncio.get_running_loop(), time.perf_counter()
    course = _Course(load)
    async with asyncio.timeout(load.seconds + GIVE_UP):
        made = [
            loop.create_connection(lambda: _Connection(course), "127.0.0.1", load.port) for _ in range(load.connections)
        ]
        connections = [connection for _, connection in await asyncio.gather(*made)]
        await asyncio.gather(*(connection.ended for connection in connections))
    took = sorted(course.latencies)
    return Tally(
        seconds=time.perf_counter() - began,
        statuses={str(status): count for status, count in course.statuses.items()},
        p50=1000 * took[len(took) // 2],
        p99=1000 * took[len(took) * 99 // 100],
    )


if __name__ == "__main__":
    tally = uvloop.run(_put(Load(**orjson.loads(sys.stdin.buffer.read()))))
    sys.stdout.buffer.write(orjson.dumps(tally))

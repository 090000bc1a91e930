"""Residents who hold an event stream open, in a process of their own, and note when something arrives.

`python -m benchmarks.listeners` reads which streams to open from its first line of input, says how many stand, and then
writes a line with the time of every notice that arrives, until its input ends.
"""

import asyncio
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import orjson
import uvloop

from app_server.kernel.ids import uuid7
from app_server.kernel.unit_of_work import settle
from app_server.process import process
from benchmarks.town import NOTICE, Citizen, Town

PER_RESIDENT = 8  # as many as a resident may hold in one process
NOTICES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Streams that stand open; the first of them belongs to the first citizen of the town."""

    said: IO[bytes]

    def tell(self, town: Town) -> list[float]:
        """Give the first citizen notices, one after the other; milliseconds from each commit to its arrival."""
        committed = asyncio.run(_deliver(town))
        arrived = [float(self.said.readline()) for _ in committed]
        return [1000 * (there - kept) for kept, there in zip(committed, arrived, strict=True)]


@contextmanager
def listening(town: Town, count: int) -> Iterator[Crowd]:
    """So many open streams, until the end of the block."""
    asked = [town.ask("/v1/inbox/stream", town.citizens[0])]
    while len(asked) < count:
        stranger = Citizen(id=uuid7(), session_id=uuid7(), card_id=uuid7())
        asked += [town.ask("/v1/inbox/stream", stranger)] * min(PER_RESIDENT, count - len(asked))
    command = [sys.executable, "-m", "benchmarks.listeners", str(town.settings.port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin and child.stdout
        child.stdin.write(orjson.dumps(asked) + b"\n")
        child.stdin.flush()
        if int(child.stdout.readline() or 0) != count:
            raise RuntimeError("not every stream could be opened")
        yield Crowd(said=child.stdout)
        child.stdin.close()


def raise_limit() -> int:
    """Allow this process, and those it starts, as many open files as it may have; how many that is."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


async def _deliver(town: Town) -> list[float]:
    committed = []
    async with process(town.settings) as state:
        for _ in range(NOTICES):
            await state["ports"].inbox.deliver(
                resident_id=town.citizens[0].id, app_id="library", texts=NOTICE, link=None, unique_key=str(uuid7())
            )
            committed.append(time.monotonic())
            await asyncio.sleep(0.01)
        await settle(1)
    return committed


class _Stream(asyncio.Protocol):
    def __init__(self, request: bytes) -> None:
        self._request = request
        self.opened = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        if not self.opened.done():
            if not data.startswith(b"HTTP/1.1 200"):
                sys.exit(f"refused: {data[:200]!r}")
            self.opened.set_result(None)
        for _ in range(data.count(b"event: notice")):
            sys.stdout.write(f"{time.monotonic()}\n")
            sys.stdout.flush()


async def _listen(port: int) -> None:
    loop, opened = asyncio.get_running_loop(), 0
    requests = orjson.loads(sys.stdin.buffer.readline())
    for start in range(0, len(requests), 200):  # no faster than they are taken
        made = [
            await loop.create_connection(lambda r=request: _Stream(r.encode()), "127.0.0.1", port)  # type: ignore[misc]
            for request in requests[start : start + 200]
        ]
        await asyncio.gather(*(stream.opened for _, stream in made))
        opened += len(made)
    sys.stdout.write(f"{opened}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.buffer.read)


if __name__ == "__main__":
    raise_limit()
    uvloop.run(_listen(int(sys.argv[1])))

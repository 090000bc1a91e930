"""Writes of one turn go out together, in order, and none is lost."""

import asyncio
from typing import Any

import pytest

from app_server.kernel.joined import MOST, JoinedWrites


class Wire:
    """A transport that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.closing = False

    def write(self, data: bytes) -> None:
        self.told.append(data)

    def close(self) -> None:
        self.closing = True
        self.told.append("closed")

    def is_closing(self) -> bool:
        return self.closing

    def get_extra_info(self, name: str) -> str:
        return f"the wire's {name}"


@pytest.fixture
async def joined() -> tuple[JoinedWrites, Wire]:
    wire = Wire()
    return JoinedWrites(wire, asyncio.get_running_loop()), wire  # type: ignore[arg-type]  # as much of one as is needed


async def test_head_and_body_are_one_packet_and_the_next_answer_is_another(joined: tuple[JoinedWrites, Wire]) -> None:
    transport, wire = joined
    transport.write(b"head ")
    transport.write(b"body")
    assert wire.told == []
    await asyncio.sleep(0)
    assert wire.told == [b"head body"]
    transport.write(b"next")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert wire.told == [b"head body", b"next"]


async def test_a_stream_is_not_collected(joined: tuple[JoinedWrites, Wire]) -> None:
    transport, wire = joined
    for _ in range(4):
        transport.write(b"x" * MOST)
    assert sum(map(len, wire.told)) == 4 * MOST
    transport.write(b"y")
    await asyncio.sleep(0)
    assert wire.told[-1] == b"y"


async def test_what_waits_goes_out_before_the_end_and_nothing_after_it(joined: tuple[JoinedWrites, Wire]) -> None:
    transport, wire = joined
    transport.write(b"last words")
    transport.close()
    assert transport.is_closing()
    transport.write(b"too late")
    await asyncio.sleep(0)
    assert wire.told == [b"last words", "closed"]
    assert transport.get_extra_info("address") == "the wire's address"

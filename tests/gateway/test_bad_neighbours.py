"""Mini-apps that hang, drip, flood, lie and break off: what the resident gets, and what is left behind."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app_server.gateway.limits import Limits
from tests.gateway.neighbours import MIB, OK, QUICK, Visit, eventually, hang, listing, neighbour, saying, street


async def test_one_that_never_answers_is_given_up_in_time() -> None:
    async with neighbour(hang) as app, street(listing(app.endpoint), limits=QUICK) as city:
        began = time.monotonic()
        reply = await city.ask()
        assert (reply.status, b"miniapp_too_slow" in reply.body) == (504, True)
        assert QUICK.first_byte - 0.1 < time.monotonic() - began < QUICK.first_byte + 3
        await eventually(lambda: app.open_connections == 0 or not city.site().calls_under_way)


async def test_one_that_drips_is_given_up_in_time_and_the_resident_sees_that_it_is_not_whole() -> None:
    async def drip(visit: Visit) -> None:
        await visit.request()
        await visit.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            await visit.say(b".")
            await asyncio.sleep(0.05)

    async with neighbour(drip) as app, street(listing(app.endpoint), limits=QUICK) as city:
        began = time.monotonic()
        reply = await city.ask()
        assert (reply.status, reply.whole) == (200, False)
        assert QUICK.whole - 0.1 < time.monotonic() - began < QUICK.whole + 3


async def test_one_that_drips_its_headers_is_given_up_in_time() -> None:
    async def drip(visit: Visit) -> None:
        await visit.request()
        await visit.say(b"HTTP/1.1 200 OK\r\n")
        for _ in range(1000):
            await visit.say(b"X-A: b\r\n")
            await asyncio.sleep(0.05)

    async with neighbour(drip) as app, street(listing(app.endpoint), limits=QUICK) as city:
        assert (await city.ask()).status == 504


async def test_headers_without_end_are_not_collected() -> None:
    async def flood(visit: Visit) -> None:
        await visit.request()
        await visit.say(b"HTTP/1.1 200 OK\r\n")
        while True:
            await visit.say(b"X-A: " + b"b" * 1000 + b"\r\n")

    async with neighbour(flood) as app, street(listing(app.endpoint)) as city:
        assert (await city.ask()).status == 502  # 504 would mean that they were taken until time was up


async def test_interim_answers_without_end_are_not_followed() -> None:
    async def flood(visit: Visit) -> None:
        await visit.request()
        while True:
            await visit.say(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)

    async with neighbour(flood) as app, street(listing(app.endpoint)) as city:
        assert (await city.ask()).status == 502


async def test_a_huge_answer_is_refused_by_its_announcement() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\nx"
    limits = Limits(longest_answer=MIB)
    async with saying(answer) as app, street(listing(app.endpoint), limits=limits) as city:
        assert (await city.ask()).status == 502


async def test_a_huge_answer_without_announcement_is_cut_at_the_limit() -> None:
    async def flood(visit: Visit) -> None:
        await visit.request()
        await visit.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await visit.say(b"10000\r\n" + b"x" * 65536 + b"\r\n")

    async with neighbour(flood) as app, street(listing(app.endpoint), limits=Limits(longest_answer=MIB)) as city:
        reply = await city.ask()
        assert (reply.status, reply.whole) == (200, False)
        assert len(reply.body) <= MIB


async def test_an_answer_waits_for_a_resident_who_takes_it_slowly_without_filling_memory() -> None:
    total, written, take = 32 * MIB, 0, asyncio.Event()

    async def stream(visit: Visit) -> None:
        nonlocal written
        await visit.request()
        await visit.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        while written < total:
            await visit.say(b"x" * 65536)
            written += 65536

    async def taking(piece: bytes) -> None:
        await take.wait()

    limits = Limits(longest_answer=total)
    async with neighbour(stream) as app, street(listing(app.endpoint), limits=limits) as city:
        asking = asyncio.create_task(city.ask(taking=taking))
        await asyncio.sleep(0.5)
        held_back = written
        take.set()
        reply = await asking
        assert held_back < 16 * MIB  # socket buffers and our high water, not the whole
        assert (len(reply.body), reply.whole) == (total, True)


async def test_a_mini_app_that_takes_slowly_slows_the_sender_down_instead_of_filling_memory() -> None:
    given, take = 0, asyncio.Event()

    async def slow(visit: Visit) -> None:
        await visit.request()
        await take.wait()
        await visit.reader.readexactly(14 * MIB)
        await visit.say(OK)

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal given
        for _ in range(14 * 16):
            given += 65536
            yield b"x" * 65536

    async with neighbour(slow) as app, street(listing(app.endpoint), limits=Limits()) as city:
        asking = asyncio.create_task(
            city.ask(method="POST", headers=[("Content-Length", str(14 * MIB))], body=pieces())
        )
        await asyncio.sleep(0.5)
        held_back = given
        take.set()
        assert (await asking).status == 200
        assert held_back < 12 * MIB


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",
        b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-A: a\r\n b\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nX-A: a\rSet-Cookie: b\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\nX-A: a\nContent-Length: 2\n\nhi",
        b"HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nX A: b\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 99 Low\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 700 High\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/0.9 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nraw",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"<html>hi</html>",
        b"\x16\x03\x01\x02\x00",
        b"\0" * 100,
    ],
)
async def test_an_answer_that_is_not_one_is_told_as_such_and_its_connection_is_not_used_again(answer: Any) -> None:
    async with saying(answer) as app, street(listing(app.endpoint)) as city:
        for _ in range(2):
            reply = await city.ask()
            assert (reply.status, b"miniapp_broken_answer" in reply.body) == (502, True)
        assert app.connections == 2


@pytest.mark.parametrize(
    "extra",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen",
        b"garbage",
        b"HTTP/1.1 200 OK\r\nContent-Le",
    ],
)
@pytest.mark.parametrize("together", [True, False])
async def test_what_follows_an_answer_never_becomes_the_next_residents_answer(extra: Any, together: Any) -> None:
    async def split(visit: Visit) -> None:
        while await visit.request():
            if together:
                await visit.say(OK + extra)
            else:
                await visit.say(OK)
                await asyncio.sleep(0.02)
                await visit.say(extra)

    async with neighbour(split) as app, street(listing(app.endpoint)) as city:
        for _ in range(3):
            reply = await city.ask()
            assert (reply.status, reply.body, reply.whole) == (200, b"hi", True)
            await eventually(lambda: app.open_connections == 0)
        assert app.connections == 3


async def test_a_body_after_head_never_becomes_the_next_answer() -> None:
    async with saying(OK) as app, street(listing(app.endpoint)) as city:
        assert (await city.ask(method="HEAD")).body == b""
        assert (await city.ask()).body == b"hi"
        assert app.connections == 2


async def test_an_answer_that_breaks_off_is_not_taken_for_a_whole_one() -> None:
    async def break_off(visit: Visit) -> None:
        await visit.request()
        await visit.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await asyncio.sleep(0.05)

    async with neighbour(break_off) as app, street(listing(app.endpoint)) as city:
        reply = await city.ask()
        assert (reply.status, reply.body, reply.whole) == (200, b"half", False)
        assert city.site().tally.total.errors == 1


async def test_a_broken_chunk_is_not_taken_for_the_end() -> None:
    async def break_off(visit: Visit) -> None:
        await visit.request()
        await visit.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        await asyncio.sleep(0.05)
        await visit.say(b"zz\r\n")

    async with neighbour(break_off) as app, street(listing(app.endpoint)) as city:
        reply = await city.ask()
        assert (reply.body, reply.whole) == (b"half", False)


async def test_trailers_are_dropped() -> None:
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nSet-Cookie: a=b\r\n\r\n"
    async with saying(answer) as app, street(listing(app.endpoint)) as city:
        for _ in range(2):
            reply = await city.ask()
            assert (reply.body, reply.header("set-cookie")) == (b"hi", None)
        assert app.connections == 1


async def close_after_one(visit: Visit) -> None:
    """Answer, then close without saying so, when the next request is under way."""
    await visit.request()
    await visit.say(OK)
    await visit.request()


async def test_reading_again_on_a_connection_that_had_died_is_done_over_and_nobody_notices() -> None:
    async with neighbour(close_after_one) as app, street(listing(app.endpoint)) as city:
        for _ in range(4):
            assert (await city.ask()).body == b"hi"
        assert app.connections == 4


async def test_a_write_is_never_sent_twice() -> None:
    requests = 0

    async def count(visit: Visit) -> None:
        nonlocal requests
        while await visit.request():
            requests += 1
            if requests % 2 == 0:
                return
            await visit.say(OK)

    async with neighbour(count) as app, street(listing(app.endpoint)) as city:
        for expected in (200, 503, 200, 503):
            reply = await city.ask(method="POST", headers=[("Content-Length", "0")])
            assert reply.status == expected
        assert requests == 4


async def test_one_that_is_not_there_is_unavailable_at_once() -> None:
    async with street(listing("http://127.0.0.1:1")) as city:
        began = time.monotonic()
        reply = await city.ask()
        assert (reply.status, reply.header("retry-after")) == (503, "2")
        assert time.monotonic() - began < 5


async def test_after_many_failures_the_breaker_spares_everybody_the_wait() -> None:
    async with saying(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n") as app, street(listing(app.endpoint)) as city:
        for _ in range(20):
            assert (await city.ask()).status == 500
        for _ in range(20):
            assert (await city.ask()).status == 503
        assert len(app.heads) == 20
        assert city.site().tally.total.errors == 40


async def test_a_crowd_waits_a_little_and_then_is_told_so() -> None:
    release = asyncio.Event()

    async def slow(visit: Visit) -> None:
        while await visit.request():
            await release.wait()
            await visit.say(OK)

    async with neighbour(slow) as app, street(listing(app.endpoint), limits=QUICK) as city:
        first = [asyncio.create_task(city.ask()) for _ in range(QUICK.at_once)]
        await eventually(lambda: app.open_connections == QUICK.at_once)
        waiting = [asyncio.create_task(city.ask()) for _ in range(QUICK.waiting)]
        await asyncio.sleep(0.05)
        began = time.monotonic()
        assert (await city.ask()).status == 503  # nobody else may even wait
        assert time.monotonic() - began < QUICK.patience
        release.set()
        assert {(await task).status for task in first + waiting} == {200}
        assert app.connections == QUICK.at_once


async def test_who_waits_too_long_for_a_place_is_told_so_and_leaves_no_trace() -> None:
    async with neighbour(hang) as app, street(listing(app.endpoint), limits=QUICK) as city:
        first = [asyncio.create_task(city.ask()) for _ in range(QUICK.at_once)]
        await eventually(lambda: app.open_connections == QUICK.at_once)
        reply = await city.ask()
        assert (reply.status, b"miniapp_busy" in reply.body) == (503, True)
        assert {(await task).status for task in first} == {504}


async def test_a_storm_in_one_mini_app_does_not_slow_its_neighbour() -> None:
    async with (
        neighbour(hang) as bad,
        saying(OK) as good,
        street(listing(bad.endpoint, "bad-app"), listing(good.endpoint), limits=Limits()) as city,
    ):
        storm = [asyncio.create_task(city.ask(host="bad-app.localhost")) for _ in range(60)]
        await asyncio.sleep(0.1)
        began = time.monotonic()
        for _ in range(50):
            assert (await city.ask()).status == 200
        assert time.monotonic() - began < 5  # the storm itself goes on for ten
        for task in storm:
            task.cancel()
        await asyncio.gather(*storm, return_exceptions=True)

"""Residents who leave, stop taking, dawdle and trickle: the mini-app is not blamed, and the others have their place."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app_server.gateway.limits import Limits
from tests.gateway.neighbours import MIB, OK, Visit, hang, listing, neighbour, saying, street


async def test_a_resident_who_stops_taking_does_not_keep_the_place() -> None:
    async def stream(visit: Visit) -> None:
        await visit.request()
        await visit.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        while True:
            await visit.say(b"x" * 65536)

    async def never(piece: bytes) -> None:
        await asyncio.sleep(60)

    limits = Limits(whole=0.6, longest_answer=200 * MIB)
    async with neighbour(stream) as app, street(listing(app.endpoint), limits=limits) as city:
        began = time.monotonic()
        reply = await city.ask(taking=never)
        assert not reply.whole
        assert time.monotonic() - began < 4
        assert city.site().tally.total.errors == 0  # it was not the mini-app that was slow


async def test_a_resident_who_leaves_frees_the_place_and_is_not_held_against_the_mini_app() -> None:
    leaving = asyncio.Event()
    async with neighbour(hang) as app, street(listing(app.endpoint), limits=Limits()) as city:
        asking = asyncio.create_task(city.ask(leaving=leaving))
        await asyncio.sleep(0.4)
        leaving.set()
        reply = await asyncio.wait_for(asking, 1)
        assert reply.status == 0
        assert city.site().tally.total.calls == 0
        assert city.site().calls_under_way == 0


async def test_a_resident_who_leaves_in_the_middle_of_sending_frees_the_place() -> None:
    async with neighbour(hang) as app, street(listing(app.endpoint), limits=Limits()) as city:
        messages = [{"type": "http.request", "body": b"half", "more_body": True}, {"type": "http.disconnect"}]

        async def receive() -> Any:
            return messages.pop(0)

        async def send(message: Any) -> None:
            raise AssertionError("nobody is there to answer")

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/",
            "raw_path": b"/",
            "query_string": b"",
            "headers": [(b"host", b"library.localhost"), (b"content-length", b"100")],
            "state": {"gateway": city.gateway},
        }
        await asyncio.wait_for(city.app(scope, receive, send), 1)
        assert city.site().calls_under_way == 0
        assert app.connections == 1


async def test_a_cancelled_call_leaves_nothing_behind() -> None:
    async with neighbour(hang) as app, street(listing(app.endpoint), limits=Limits()) as city:
        for wait in (0, 0.001, 0.01, 0.3):
            asking = asyncio.create_task(city.ask())
            await asyncio.sleep(wait)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert not [site for site in city.gateway.sites() if site.calls_under_way]
        assert app.connections <= 4


async def test_a_body_larger_than_announced_limits_is_refused() -> None:
    limits = Limits(longest_request=1000)
    async with saying(OK) as app, street(listing(app.endpoint), limits=limits) as city:
        assert (await city.ask(method="POST", headers=[("Content-Length", "1001")], body=[b"x"])).status == 413
        pieces = [b"x" * 600, b"x" * 600]
        assert (await city.ask(method="POST", headers=[("Transfer-Encoding", "chunked")], body=pieces)).status == 413
        assert city.site().breaker.is_open is False


async def dawdling() -> AsyncIterator[bytes]:
    """A caller who sends the beginning of a body and then nothing."""
    yield b"half"
    await asyncio.sleep(60)


async def test_callers_who_dawdle_are_not_held_against_the_mini_app() -> None:
    limits = Limits(silence=0.3, uploads=20)
    async with neighbour(hang) as app, street(listing(app.endpoint), limits=limits) as city:
        replies = await asyncio.gather(
            *(city.ask(method="POST", headers=[("Content-Length", "100")], body=dawdling()) for _ in range(20))
        )
        assert {reply.status for reply in replies} == {400}
        assert city.site().breaker.is_open is False
        assert city.site().tally.total.errors == 0
        assert city.site().calls_under_way == 0


async def test_callers_who_trickle_are_given_up_in_time_and_not_held_against_the_mini_app() -> None:
    async def trickle() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x"
            await asyncio.sleep(0.05)

    async with neighbour(hang) as app, street(listing(app.endpoint), limits=Limits(whole=0.5)) as city:
        reply = await city.ask(method="POST", headers=[("Content-Length", "100")], body=trickle())
        assert reply.status == 400
        assert city.site().tally.total.errors == 0


async def test_callers_who_dawdle_leave_room_for_the_others() -> None:
    async def answers_whole_requests(visit: Visit) -> None:
        while head := await visit.request():
            if b"content-length: 100" in head.lower():
                await asyncio.sleep(60)
            await visit.say(OK)

    limits = Limits(at_once=4, uploads=2, patience=0.1)
    async with neighbour(answers_whole_requests) as app, street(listing(app.endpoint), limits=limits) as city:
        slow = [
            asyncio.create_task(city.ask(method="POST", headers=[("Content-Length", "100")], body=dawdling()))
            for _ in range(8)
        ]
        await asyncio.sleep(0.1)
        assert (await city.ask()).status == 200
        for task in slow:
            task.cancel()
        answers = await asyncio.gather(*slow, return_exceptions=True)
        assert [answer.status for answer in answers if not isinstance(answer, BaseException)] == [503] * 6
        assert city.site().calls_under_way == 0
        assert (await city.ask(method="POST", headers=[("Content-Length", "2")], body=[b"x", b"y"])).status == 200


async def test_an_early_answer_to_a_long_upload_reaches_the_resident() -> None:
    async def refuse(visit: Visit) -> None:
        await visit.request()
        await visit.say(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        await asyncio.sleep(5)

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1000
            await asyncio.sleep(0.01)

    async with neighbour(refuse) as app, street(listing(app.endpoint)) as city:
        reply = await city.ask(method="POST", headers=[("Transfer-Encoding", "chunked")], body=endless())
        assert (reply.status, reply.body) == (413, b"no")

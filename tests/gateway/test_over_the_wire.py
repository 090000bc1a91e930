"""The gateway behind its real web server, spoken to byte by byte."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import uvicorn

from app_server.kernel.joined import JoinedHttp
from tests.gateway.neighbours import (
    OK,
    PATIENT,
    Neighbour,
    Street,
    Visit,
    eventually,
    listing,
    neighbour,
    saying,
    street,
)


@dataclass
class Town:
    """A listening gateway."""

    port: int
    street: Street

    async def say(self, request: bytes) -> bytes:
        """Everything that comes back until the server closes or is silent."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        heard = b""
        try:
            async with asyncio.timeout(0.8):
                while piece := await reader.read(65536):
                    heard += piece
        except (TimeoutError, ConnectionError):
            pass
        writer.close()
        return heard


@asynccontextmanager
async def town(app: Neighbour) -> AsyncIterator[Town]:
    async with street(listing(app.endpoint), limits=PATIENT) as opened:

        async def application(scope, receive, send):  # type: ignore[no-untyped-def]  # ASGI
            scope["state"] = {"gateway": opened.gateway}
            await opened.app(scope, receive, send)

        config = uvicorn.Config(
            application, port=0, http=JoinedHttp, ws="none", lifespan="off", log_level="critical", server_header=False
        )
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup()
        try:
            yield Town(server.servers[0].sockets[0].getsockname()[1], opened)
        finally:
            await server.shutdown()


HOST = b"Host: library.localhost\r\n"


async def test_a_page_goes_through_and_the_connection_serves_again() -> None:
    async with saying(OK) as app, town(app) as city:
        heard = await city.say((b"GET / HTTP/1.1\r\n" + HOST + b"\r\n") * 3)
        assert heard.count(b"HTTP/1.1 200 OK\r\n") == 3
        assert heard.count(b"\r\n\r\nhi") == 3
        assert heard.lower().count(b"set-cookie") == 0


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: library.localhost\r\n\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + SMUGGLED,
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\nContent-Length: 50\r\n\r\n" + SMUGGLED,
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: +0\r\n\r\n" + SMUGGLED,
        b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n\tTransfer-Encoding: chunked\r\n\r\n" + SMUGGLED,
        b"GET / HTTP/1.1\r\n" + HOST + b"X: a\rTransfer-Encoding: chunked\r\n\r\n" + SMUGGLED,
        b"GET / HTTP/1.1\n" + HOST + b"\n" + SMUGGLED,
    ],
)
async def test_a_smuggled_request_reaches_nobody(request_bytes: bytes) -> None:
    async with saying(OK) as app, town(app) as city:
        heard = await city.say(request_bytes)
        assert heard.startswith(b"HTTP/1.1 400")
        assert not [head for head in app.heads if b"smuggled" in head]


async def test_a_chunked_body_ends_where_it_ends() -> None:
    """What follows a body is the next request of the same browser, and of nobody else."""
    async with saying(OK) as app, town(app) as city:
        body = b"POST /one HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        heard = await city.say(body + b"GET /two HTTP/1.1\r\n" + HOST + b"\r\n")
        assert heard.count(b"200 OK") == 2
        assert [head.split(b" ")[1] for head in app.heads] == [b"/one", b"/two"]
        assert app.bodies == [b"abc"]


async def test_an_answer_that_breaks_off_is_seen_to_break_off() -> None:
    async def break_off(visit: Visit) -> None:
        await visit.request()
        await visit.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        await asyncio.sleep(0.1)

    async with neighbour(break_off) as app, town(app) as city:
        heard = await city.say(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
        assert b"half" in heard
        assert not heard.endswith(b"0\r\n\r\n")


async def test_a_resident_who_closes_the_page_ends_the_call_to_the_mini_app() -> None:
    async def stream(visit: Visit) -> None:
        await visit.request()
        await visit.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await visit.say(b"4\r\nmore\r\n")
            await asyncio.sleep(0.01)

    async with neighbour(stream) as app, town(app) as city:
        _, writer = await asyncio.open_connection("127.0.0.1", city.port)
        writer.write(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
        await eventually(lambda: app.open_connections == 1)
        await asyncio.sleep(0.1)
        writer.close()
        await eventually(lambda: app.open_connections == 0, within=1)
        assert city.street.site().calls_under_way == 0


async def test_an_upgrade_is_refused_in_plain_words(caplog: pytest.LogCaptureFixture) -> None:
    async with saying(OK) as app, town(app) as city:
        heard = await city.say(
            b"GET / HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert heard.startswith(b"HTTP/1.1 501")
        assert b"websocket_not_offered" in heard
        assert app.heads == []
        assert caplog.records == []  # uvicorn would advise the operator to install a library

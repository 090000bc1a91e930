"""What goes through the gateway, what does not, and in which form."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from banyan_sdk.signing import content_digest, verify_request

from app_server.registry.lifecycle import State
from tests.gateway.neighbours import KEY, KID, OK, Neighbour, Visit, eventually, listing, neighbour, saying, street


def sent(head: bytes) -> tuple[str, str, dict[str, str]]:
    """Method, target and headers of a request as the mini-app received it; a header that stands twice is a fault."""
    first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    method, target, version = first.split(" ")
    assert version == "HTTP/1.1"
    pairs = [line.split(": ", 1) for line in lines]
    headers = {name.lower(): value for name, value in pairs}
    assert len(headers) == len(pairs), f"twice: {pairs}"
    return method, target, headers


def proven(head: bytes, body: bytes | None = None) -> dict[str, str]:
    """The headers, once the signature in them holds."""
    method, target, headers = sent(head)
    path, _, query = target.partition("?")
    now = int(headers["signature-input"].partition("created=")[2].partition(";")[0])
    public = KEY.public_key()
    signed = verify_request(
        headers,
        method=method,
        path=path,
        query=query,
        keys=lambda kid: public if kid == KID else None,
        now=now,
        body=body,
        body_must_be_signed=body is not None,
    )
    assert signed.app == "library"
    return headers


async def test_a_resident_reads_a_page_of_a_mini_app_and_the_mini_app_knows_who_passed_it_on() -> None:
    async with saying(OK) as library, street(listing(library.endpoint)) as city:
        reply = await city.ask("/books", query="q=%E5%B1%B1&page=2", headers=[("Accept-Language", "zh-CN")])
        assert (reply.status, reply.body, reply.whole) == (200, b"hi", True)
        headers = proven(library.heads[0])
        assert library.heads[0].startswith(b"GET /books?q=%E5%B1%B1&page=2 HTTP/1.1\r\n")
        assert headers["accept-language"] == "zh-CN"
        assert headers["host"] == library.endpoint.removeprefix("http://")
        assert headers["banyan-request"] == reply.header("x-request-id")


async def test_what_a_resident_sends_arrives_whole() -> None:
    async with saying(OK) as library, street(listing(library.endpoint)) as city:
        reply = await city.ask(
            "/loans", method="POST", body=[], headers=[("Content-Length", "0"), ("Content-Type", "application/json")]
        )
        assert reply.status == 200
        assert sent(library.heads[0])[2]["content-length"] == "0"

        async def once() -> AsyncIterator[bytes]:
            yield b'{"book":7}'

        reply = await city.ask("/loans", method="POST", body=once(), headers=[("Content-Length", "10")])
        assert library.bodies == [b'{"book":7}']


async def test_a_body_that_comes_in_one_piece_is_covered_by_the_signature() -> None:
    async with saying(OK) as library, street(listing(library.endpoint)) as city:
        reply = await ask_in_one_piece(city, b'{"book":7}', [(b"content-length", b"10")])
        assert reply == 200
        assert library.bodies == [b'{"book":7}']
        assert proven(library.heads[0], b'{"book":7}')["content-digest"] == content_digest(b'{"book":7}')


async def test_a_chunked_body_that_is_all_there_goes_on_with_its_length() -> None:
    async with saying(OK) as library, street(listing(library.endpoint)) as city:
        assert await ask_in_one_piece(city, b"abc", [(b"transfer-encoding", b"chunked")]) == 200
        headers = proven(library.heads[0], b"abc")
        assert headers["content-length"] == "3"
        assert "transfer-encoding" not in headers


async def ask_in_one_piece(city: Any, body: bytes, headers: list[tuple[bytes, bytes]]) -> int:
    status = 0
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        return messages.pop(0) if messages else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": [(b"host", b"library.localhost"), *headers],
        "state": {"gateway": city.gateway},
    }
    await city.app(scope, receive, send)
    return status


@pytest.mark.parametrize("framing", [("Transfer-Encoding", "chunked"), ("Content-Length", "30")])
async def test_a_long_body_streams_while_the_answer_already_streams_back(framing: Any) -> None:
    """The mini-app answers each piece before it has the next: neither side may wait for the whole of the other."""
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def echo(visit: Visit) -> None:
        head = await visit.request()
        await visit.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(3):
            if b"chunked" in head:
                size = int(await visit.reader.readline(), 16)
                piece = (await visit.reader.readexactly(size + 2))[:-2]
            else:
                piece = await visit.reader.readexactly(10)
            await visit.say(b"%x\r\n%b\r\n" % (len(piece), piece))
        await visit.say(b"0\r\n\r\n")

    async def pieces() -> AsyncIterator[bytes]:
        for letter in b"abc":
            yield bytes([letter]) * 10
            assert await heard.get() == bytes([letter]) * 10

    async with neighbour(echo) as library, street(listing(library.endpoint)) as city:
        reply = await city.ask("/", method="POST", body=pieces(), headers=[framing], taking=heard.put)
        assert (reply.body, reply.whole) == (b"a" * 10 + b"b" * 10 + b"c" * 10, True)


async def test_connections_are_kept_and_used_again() -> None:
    async with saying(OK) as library, street(listing(library.endpoint)) as city:
        for _ in range(10):
            assert (await city.ask()).status == 200
        assert library.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n",  # to HEAD: announced, not sent
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
async def test_head_has_no_body_and_keeps_the_connection(answer: Any) -> None:
    async with saying(answer) as library, street(listing(library.endpoint)) as city:
        for _ in range(3):
            reply = await city.ask(method="HEAD")
            assert (reply.status, reply.body, reply.whole) == (200, b"", True)
        assert library.connections == 1


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_an_answer_without_a_body_does_not_announce_one(status: Any) -> None:
    answer = b"HTTP/1.1 " + status + b"\r\nETag: x\r\n\r\n"
    async with saying(answer) as library, street(listing(library.endpoint)) as city:
        for _ in range(2):
            reply = await city.ask()
            assert reply.body == b""
            assert reply.header("content-length") is None
        assert library.connections == 1


async def test_interim_answers_are_passed_over() -> None:
    answer = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nSet-Cookie: a=b\r\n\r\n" + OK
    async with saying(answer) as library, street(listing(library.endpoint)) as city:
        for _ in range(2):
            reply = await city.ask()
            assert (reply.status, reply.body, reply.header("link")) == (200, b"hi", None)


async def test_an_answer_framed_by_the_end_of_the_connection_arrives_whole() -> None:
    answer = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 300_000
    async with saying(answer, then_close=True) as library, street(listing(library.endpoint)) as city:
        reply = await city.ask()
        assert (len(reply.body), reply.whole) == (300_000, True)


async def test_redirects_go_to_the_browser_and_lead_to_the_mini_apps_own_origin() -> None:
    holder: list[Neighbour] = []

    async def behave(visit: Visit) -> None:
        while await visit.request():
            location = f"{holder[0].endpoint}/next?x=1".encode()
            await visit.say(b"HTTP/1.1 302 Found\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % location)

    async with neighbour(behave) as library, street(listing(library.endpoint)) as city:
        holder.append(library)
        reply = await city.ask()
        assert (reply.status, reply.header("location")) == (302, "http://library.localhost:8000/next?x=1")


async def test_cookies_and_our_own_headers_cross_in_neither_direction() -> None:
    answer = (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: a=b\r\nBanyan-App: other\r\nX-Frame-Options: DENY\r\n"
        b"Clear-Site-Data: *\r\nContent-Security-Policy: default-src *; report-uri https://evil.example\r\n"
        b"Connection: X-Private\r\nX-Private: 1\r\nX-Kept: yes\r\n\r\nhi"
    )
    async with saying(answer) as library, street(listing(library.endpoint)) as city:
        reply = await city.ask(
            headers=[
                ("Cookie", "banyan_session=secret"),
                ("Banyan-App", "bank"),
                ("Banyan-Subject", "1"),
                ("Signature", "banyan=:AAAA:"),
                ("Signature-Input", "banyan=()"),
                ("X-Forwarded-For", "1.2.3.4"),
                ("Forwarded", "for=1.2.3.4"),
                ("Banyan_App", "bank"),
                ("Connection", "keep-alive, X-Drop"),
                ("X-Drop", "1"),
                ("Authorization", "Bearer its-own"),
            ]
        )
        headers = proven(library.heads[0])
        assert set(headers) == {
            *("host", "authorization", "banyan-app", "banyan-request", "signature", "signature-input"),
        }
        assert headers["authorization"] == "Bearer its-own"
        names = {name for name, _ in reply.headers}
        assert not names & {b"set-cookie", b"banyan-app", b"x-frame-options", b"clear-site-data", b"x-private"}
        assert reply.header("x-kept") == "yes"
        policy = reply.header("content-security-policy")
        assert policy is not None
        assert "evil" not in policy
        assert policy.endswith("frame-ancestors http://localhost:8000")
        assert reply.header("x-content-type-options") == "nosniff"


VARIANTS = [
    prefix + name
    for prefix in ("", "X-", "HTTP-", "X-Banyan-", "Banyan-")
    for name in ("Banyan-Sub", "Banyan-Subject", "Banyan-User", "Banyan-App", "Banyan-Request", "Banyan-Resident")
] + ["banyan-sub", "BANYAN-SUB", "Banyan_Sub", "banyan.sub", "Banyan-Sub ", "Banyan\tSub", "\u00a0Banyan-Sub", "banyan"]


@pytest.mark.parametrize("name", VARIANTS)
async def test_nobody_speaks_in_the_platforms_name(name: Any) -> None:
    async with saying(OK) as library, street(listing(library.endpoint)) as city:
        raw = [(name.lower().encode("latin-1"), b"somebody else")]
        reply = await city.ask(raw_headers=raw)
        if reply.status == 200:
            passed = [n for n, value in sent(library.heads[0])[2].items() if value == "somebody else"]
            assert not [n for n in passed if n.replace("_", "-").startswith(("banyan", "x-banyan"))]


@pytest.mark.parametrize(
    "headers",
    [
        [("Content-Length", "5"), ("Transfer-Encoding", "chunked")],
        [("Content-Length", "5"), ("Content-Length", "6")],
        [("Content-Length", "5"), ("Content-Length", "5")],
        [("Content-Length", "+5")],
        [("Content-Length", "0x5")],
        [("Content-Length", "5, 5")],
        [("Transfer-Encoding", "xchunked")],
        [("Transfer-Encoding", "chunked, identity")],
        [("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")],
        [("Transfer-Encoding", "\x0bchunked")],
        [("X-A", "b\r\nContent-Length: 9")],
        [("X-A", "b\nX-B: c")],
        [("X-A", "b\0c")],
    ],
)
async def test_a_request_with_two_readings_never_reaches_the_mini_app(headers: Any) -> None:
    async with saying(OK) as library, street(listing(library.endpoint)) as city:
        reply = await city.ask(method="POST", headers=headers, body=[b"hello"])
        assert reply.status == 400
        assert library.heads == []


@pytest.mark.parametrize(
    "path",
    [
        "/.banyan/launch",
        "/.banyan/events",
        "/.banyan/health",
        "/.banyan/",
        "/.BANYAN/launch",
        "/%2ebanyan/launch",
        "/.banyan%2flaunch",
        "/.banyan;x/launch",
        "/;/.banyan/launch",
        "/a/../.banyan/launch",
        "/./.banyan/launch",
        "//.banyan/launch",
        "/.banyan//launch",
        "/.banyan/launch/",
        "/.banyan/session/../launch",
    ],
)
async def test_a_page_cannot_speak_with_its_back_end_in_the_platforms_name(path: Any) -> None:
    async with saying(OK) as library, street(listing(library.endpoint)) as city:
        reply = await city.ask(path, method="POST", headers=[("Content-Length", "2")], body=[b"{}"])
        assert reply.status == 400
        assert library.heads == []


async def test_a_page_reaches_its_bridge_and_its_session() -> None:
    async with saying(OK) as library, street(listing(library.endpoint)) as city:
        assert (await city.ask("/.banyan/bridge.js")).status == 200
        assert (await city.ask("/.banyan/session", method="POST", headers=[("Content-Length", "0")])).status == 200


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "get"])
async def test_only_ordinary_methods_go_through(method: Any) -> None:
    async with saying(OK) as library, street(listing(library.endpoint)) as city:
        assert (await city.ask(method=method)).status == 405
        assert library.heads == []


async def test_another_host_is_the_cores_and_an_unknown_mini_app_is_nobodys() -> None:
    async with saying(OK) as library, street(listing(library.endpoint)) as city:
        for host in ("localhost:8000", "127.0.0.1:8000", "LOCALHOST", "", "evil.example"):
            assert (await city.ask(host=host)).header("x-from") == "core"
        for host in ("nobody.localhost:8000", "a.library.localhost", ".localhost"):
            reply = await city.ask(host=host)
            assert (reply.status, reply.header("content-type")) == (404, "application/problem+json")
        assert (await city.ask(host="LIBRARY.localhost.:8000")).body == b"hi"


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Fuzhou Library is paused"), ("zh-CN,zh;q=0.9", "福州市图书馆暂停服务")]
)
async def test_a_suspended_mini_app_is_a_kind_page_to_a_person_and_a_problem_to_a_script(
    language: Any, words: Any
) -> None:
    paused = listing("http://127.0.0.1:9", state=State.SUSPENDED, state_reason="Wrong <fees> were shown")
    async with street(paused) as city:
        page = await city.ask(headers=[("Sec-Fetch-Mode", "navigate"), ("Accept-Language", language)])
        assert page.status == 503
        assert page.header("content-type") == "text/html; charset=utf-8"
        text = page.body.decode()
        assert words in text
        assert "Wrong &lt;fees&gt; were shown" in text
        assert "<script" not in text
        policy = page.header("content-security-policy")
        assert policy is not None
        assert "frame-ancestors http://localhost:8000" in policy
        assert "unsafe" not in policy
        problem = await city.ask(headers=[("Sec-Fetch-Mode", "cors"), ("Accept", "text/html")])
        assert (problem.status, problem.header("content-type")) == (503, "application/problem+json")
        assert b'"code":"miniapp_suspended"' in problem.body


async def test_a_websocket_is_turned_away_in_words_it_understands() -> None:
    async with saying(OK) as library, street(listing(library.endpoint)) as city:
        reply = await city.ask(headers=[("Connection", "Upgrade"), ("Upgrade", "websocket")])
        assert (reply.status, b"websocket_not_offered" in reply.body) == (501, True)
        for extension, first in (
            ("websocket.http.response", "websocket.http.response.start"),
            ("none", "websocket.close"),
        ):
            said: list[Any] = []

            async def send(message: Any, said: Any = said) -> None:
                said.append(message)

            async def receive() -> Any:
                return {"type": "websocket.connect"}

            scope = {
                "type": "websocket",
                "path": "/",
                "headers": [(b"host", b"library.localhost")],
                "extensions": {extension: {}},
                "state": {"gateway": city.gateway},
            }
            await city.app(scope, receive, send)
            assert said[0]["type"] == first
        assert library.heads == []


async def test_a_mini_app_that_moves_is_called_at_its_new_place() -> None:
    async with saying(OK) as old, saying(OK.replace(b"hi", b"ho")) as new, street(listing(old.endpoint)) as city:
        assert (await city.ask()).body == b"hi"
        city.gateway._listings._by_id["library"] = listing(new.endpoint, version=2)
        assert (await city.ask()).body == b"ho"
        await eventually(lambda: old.open_connections == 0)

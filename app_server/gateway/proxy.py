"""A resident's request on a mini-app's origin, passed on to the mini-app: the hottest path of the gateway.

Small answers are read whole and the mini-app's place is free again before the resident's side has taken them; larger
ones stream with backpressure. Whatever the mini-app does, the resident gets an answer in bounded time.
"""

import asyncio

from starlette.types import Receive, Scope, Send

from app_server.gateway.exchange import (
    CallersFault,
    Exchange,
    RequestTooLarge,
    RequestTooSlow,
    TakenTooSlowly,
    too_large,
)
from app_server.gateway.headers import Asked, HeadersRefused, from_client, from_miniapp
from app_server.gateway.paths import LONGEST, PathRefused, canonical, query_is_sound
from app_server.gateway.problems import (
    MiniAppBrokenAnswer,
    MiniAppBusy,
    MiniAppTooSlow,
    MiniAppUnavailable,
    RequestNotPassedOn,
    WebSocketNotOffered,
)
from app_server.gateway.site import Crowded, Resting, Site
from app_server.gateway.upstream import CallerGone, CallFailed, Lost, TooLarge, TooSlow, Unreachable, Upstream
from app_server.kernel.problems import BodyTooLarge, MethodNotAllowed, Problem

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SERVER_ERROR = 500


async def forward(site: Site, scope: Scope, receive: Receive, send: Send, reference: str) -> None:
    """Pass the request on and the answer back. Raises a `Problem` when there is no answer to pass back."""
    loop = asyncio.get_running_loop()
    method, path, query, asked = _read(scope, site)
    body, streams = b"", False
    if asked.has_body:
        body, streams = await _first_of_body(receive, site, asked)
    started = loop.time()
    try:
        if streams:
            site.begin_upload()
        try:
            given = await site.enter(started)
        except BaseException:
            if streams:
                site.end_upload()
            raise
    except Crowded:
        site.turned_away()
        raise MiniAppBusy(headers={"Retry-After": "1"}) from None
    except Resting as rest:
        site.turned_away()
        raise MiniAppUnavailable(headers={"Retry-After": str(rest.retry_after)}) from None
    exchange = Exchange(site.limits, started, receive)
    ok: bool | None = None
    try:
        head = _head(site, method, path, query, asked, body, streams, reference)
        first = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") if streams and asked.chunked else body
        connection = await exchange.open(site, method, head, first, streams=streams, chunked=asked.chunked)
        ok = connection.status < SERVER_ERROR
        if failure := too_large(connection.content_length, site.limits):
            raise failure
        headers = from_miniapp(
            connection.headers, endpoint_origin=site.endpoint_origin, app_origin=site.origin, status=connection.status
        )
        headers += site.headers
        headers.append((b"x-request-id", reference.encode()))
        start = {"type": "http.response.start", "status": connection.status, "headers": headers}
        if not connection.complete:
            await send(start)
            await _relay(connection, exchange, send, site.limits.longest_answer)
            return
        answer = connection.taken()
    except CallerGone:
        ok = None
        return
    except CallFailed as failure:
        ok = None if isinstance(failure, CallersFault) else False
        site.log_failure(failure, reference)
        if exchange.began_to_answer:
            return  # the server closes the resident's connection, which says that the answer is not whole
        raise _problem(failure) from None
    finally:
        exchange.close()
        if exchange.connection:
            site.keep(exchange.connection, loop.time())
        if streams:
            site.end_upload()
        site.leave(given, started, ok=ok)
    await send(start)
    await send({"type": "http.response.body", "body": answer})


def _read(scope: Scope, site: Site) -> tuple[str, bytes, bytes, Asked]:
    method, query = scope["method"], scope["query_string"]
    if method not in METHODS:
        raise MethodNotAllowed(headers={"Allow": ", ".join(sorted(METHODS))})
    try:
        path = canonical(scope["raw_path"])
        asked = from_client(scope["headers"])
    except (PathRefused, HeadersRefused) as refused:
        raise RequestNotPassedOn(str(refused)) from None
    if len(path) + len(query) > LONGEST or not query_is_sound(query):
        raise RequestNotPassedOn("the query is too long or has a character that belongs escaped")
    if asked.upgrade:
        raise WebSocketNotOffered()
    if asked.length and asked.length > site.limits.longest_request:
        raise BodyTooLarge(f"At most {site.limits.longest_request} bytes are passed on.")
    return method, path, query, asked


async def _first_of_body(receive: Receive, site: Site, asked: Asked) -> tuple[bytes, bool]:
    """What came with the request, and whether more follows. Taken before the call has a place: the slow hold none."""
    try:
        async with asyncio.timeout(site.limits.first_byte):
            message = await receive()
    except TimeoutError:
        raise RequestNotPassedOn("the body did not come") from None
    body: bytes = message.get("body", b"")
    streams: bool = message.get("more_body", False)
    if not streams:
        asked.chunked, asked.length = False, len(body)
    return body, streams


def _head(
    site: Site, method: str, path: bytes, query: bytes, asked: Asked, body: bytes, streams: bool, reference: str
) -> bytes:
    digested = body if body and not streams else None
    signed = site.signed(method, path.decode("ascii"), query.decode("ascii"), reference, digested)
    if asked.chunked:
        framing = b"transfer-encoding: chunked\r\n\r\n"
    elif asked.length is not None:
        framing = b"content-length: %d\r\n\r\n" % asked.length
    else:
        framing = b"\r\n"
    target = b"%b?%b" % (path, query) if query else path
    first = b"%b %b HTTP/1.1\r\n" % (method.encode("ascii"), target)
    head = b"".join((first, site.host_line, *asked.lines, signed, framing))
    lines = len(asked.lines) + 8 + (digested is not None) - (framing == b"\r\n")
    if head.count(b"\n") != lines or head.count(b"\r") != lines or b"\0" in head:
        raise RequestNotPassedOn("a header has a line break inside")
    return head


async def _relay(connection: Upstream, exchange: Exchange, send: Send, most: int) -> None:
    exchange.began_to_answer = True
    passed, giving = 0, False
    try:
        async with asyncio.timeout_at(exchange.ends):
            while True:
                piece = await connection.read()
                passed += len(piece)
                if passed > most:
                    raise TooLarge("the answer is too large")
                more = not connection.complete
                giving = True
                await send({"type": "http.response.body", "body": piece, "more_body": more})
                giving = False
                if not more:
                    return
    except TimeoutError:
        if giving:
            raise TakenTooSlowly("the answer was taken too slowly") from None
        raise TooSlow("the answer took too long") from None


def _problem(failure: CallFailed) -> Problem:
    if isinstance(failure, RequestTooLarge):
        return BodyTooLarge()
    if isinstance(failure, RequestTooSlow):
        return RequestNotPassedOn(str(failure))
    if isinstance(failure, TooSlow):
        return MiniAppTooSlow()
    if isinstance(failure, Unreachable | Lost):
        return MiniAppUnavailable(headers={"Retry-After": "2"})
    return MiniAppBrokenAnswer()

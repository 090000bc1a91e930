"""One call to a mini-app from its first byte to its last, watched over: deadlines, a caller who left, sizes.

The connection does the bytes; this decides when it has taken too long, sends a streamed request body, and repeats a
call on a new connection when an idle one turned out to be closed and nothing can have happened twice.
"""

import asyncio

from starlette.types import Message, Receive

from app_server.gateway.limits import Limits
from app_server.gateway.site import Site
from app_server.gateway.upstream import CallerGone, CallFailed, Lost, TooLarge, TooSlow, Upstream

SOON = 0.25  # seconds; an answer that comes within costs no watching
REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110 §9.2.1: safe, so sending them twice changes nothing


class CallersFault(CallFailed):
    """The caller's own doing; it says nothing about the mini-app."""


class RequestTooLarge(CallersFault):
    """The request's body grew over the limit."""


class RequestTooSlow(CallersFault):
    """The request's body stopped coming, or came too slowly."""


class TakenTooSlowly(CallersFault):
    """The caller did not take the answer in time."""


class Exchange:
    """A call under way. `open` until the head of the answer is there; `close` in any case."""

    __slots__ = (
        "_awaits_caller",
        "_ends",
        "_limits",
        "_listener",
        "_loop",
        "_receive",
        "_started",
        "_timer",
        "began_to_answer",
        "connection",
    )

    def __init__(self, limits: Limits, started: float, receive: Receive | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._limits = limits
        self._started = started
        self._ends = started + limits.whole
        self._receive = receive
        self._timer: asyncio.TimerHandle | None = None
        self._listener: asyncio.Task[None] | None = None
        self._awaits_caller = False
        self.connection: Upstream | None = None
        self.began_to_answer = False

    async def open(
        self, site: Site, method: str, head: bytes, body: bytes = b"", *, streams: bool = False, chunked: bool = False
    ) -> Upstream:
        """Send the request and wait for status and headers. Raises `CallFailed`.

        `streams`: more of the body follows from `receive`, framed in chunks if `chunked`.
        """
        repeatable = method in REPEATABLE and not streams and not body
        connection = self.connection = await site.connection(self._loop.time(), repeatable=repeatable)
        used_before = connection.idle_since > 0
        try:
            await self._ask(connection, method, head, body, streams, chunked)
        except Lost:
            if not (repeatable and used_before):
                raise
            connection = self.connection = await site.new_connection()
            await self._ask(connection, method, head, body, streams, chunked)
        return connection

    def close(self) -> None:
        """Stop watching. The connection is the caller's to keep or to fail."""
        if self._timer:
            self._timer.cancel()
        if self._listener:
            self._listener.cancel()

    @property
    def ends(self) -> float:
        """When the call must be over, on the loop's clock."""
        return self._ends

    async def _ask(
        self, connection: Upstream, method: str, head: bytes, body: bytes, streams: bool, chunked: bool
    ) -> None:
        connection.begin(head + body, bodiless=method == "HEAD", sent=not streams)
        if self._timer:
            self._timer.cancel()
        if streams:
            self._timer = self._loop.call_at(self._ends, self._not_all_sent, connection)
            self._listener = self._loop.create_task(self._send_rest(connection, len(body), chunked))
        else:
            self._timer = self._loop.call_later(SOON, self._not_soon, connection)
        await connection.head()
        self._timer.cancel()
        self._timer = None
        if not connection.complete:
            self._timer = self._loop.call_at(self._ends, connection.fail, TooSlow("the answer took too long"))
            self._listen(connection)

    def _not_soon(self, connection: Upstream) -> None:
        self._expect_answer(connection, self._started)
        self._listen(connection)

    def _not_all_sent(self, connection: Upstream) -> None:
        slow = RequestTooSlow if self._awaits_caller else TooSlow
        connection.fail(slow("the request took too long"))

    def _expect_answer(self, connection: Upstream, since: float) -> None:
        if self._timer:
            self._timer.cancel()
        if not connection.has_head:
            when = min(since + self._limits.first_byte, self._ends)
            self._timer = self._loop.call_at(when, connection.fail, TooSlow("no answer in time"))

    def _listen(self, connection: Upstream) -> None:
        if self._receive and not self._listener:
            self._listener = self._loop.create_task(self._until_caller_leaves(connection, self._receive))

    async def _until_caller_leaves(self, connection: Upstream, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        connection.fail(CallerGone("the caller left"))

    async def _send_rest(self, connection: Upstream, sent: int, chunked: bool) -> None:
        assert self._receive
        try:
            while True:
                message = await self._piece(self._receive)
                if message["type"] == "http.disconnect":
                    connection.fail(CallerGone("the caller left"))
                    return
                piece, more = message.get("body", b""), message.get("more_body", False)
                sent += len(piece)
                if sent > self._limits.longest_request:
                    connection.fail(RequestTooLarge("the request is too large"))
                    return
                if chunked:
                    piece = framed(piece) + (b"" if more else b"0\r\n\r\n")
                if piece:
                    await connection.send(piece)
                if not more:
                    break
        except TimeoutError:
            connection.fail(RequestTooSlow("the request stopped coming"))
            return
        except CallFailed:
            return  # who waits for the answer is told by the connection itself
        connection.request_sent = True
        self._expect_answer(connection, self._loop.time())
        await self._until_caller_leaves(connection, self._receive)

    async def _piece(self, receive: Receive) -> Message:
        self._awaits_caller = True
        async with asyncio.timeout(self._limits.silence):
            message = await receive()
        self._awaits_caller = False
        return message


def framed(piece: bytes) -> bytes:
    """A chunk of a chunked body (RFC 9112 §7.1); nothing for nothing, since an empty chunk would be the end."""
    return b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b""


def too_large(length: int | None, limits: Limits) -> CallFailed | None:
    """Why an answer of this announced length is not taken, if so."""
    return TooLarge("the answer is too large") if length is not None and length > limits.longest_answer else None

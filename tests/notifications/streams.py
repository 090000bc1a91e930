"""A browser's event source, spoken to the app directly: HTTP clients for tests wait for the end of an answer."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import orjson

from tests.actors import Person
from tests.city import City


class EventSource:
    """One open stream."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.text = ""
        self.ended = asyncio.Event()
        self._grown = asyncio.Event()
        self._gone = asyncio.Event()
        self._asked = False

    @property
    def events(self) -> list[dict[str, Any]]:
        """What has come so far, opened."""
        blocks = [dict(line.split(": ", 1) for line in b.split("\n") if ": " in line) for b in self.text.split("\n\n")]
        return [block | {"data": orjson.loads(block["data"])} for block in blocks if "data" in block]

    @property
    def positions(self) -> list[int]:
        """The positions of the notices, as they came."""
        return [int(event["id"]) for event in self.events]

    async def until(self, text: str, *, within: float = 10) -> None:
        """Wait until the stream has said this."""
        async with asyncio.timeout(within):
            while text not in self.text:
                self._grown.clear()
                await self._grown.wait()

    async def until_begun(self) -> None:
        """Wait for the first word, or for the end."""
        async with asyncio.timeout(10):
            while not self.text and not self.ended.is_set():
                self._grown.clear()
                await self._grown.wait()

    async def until_position(self, position: int, *, within: float = 10) -> None:
        """Wait until the notice with this position is there."""
        await self.until(f"id: {position}\n", within=within)

    def leave(self) -> None:
        """Close the page."""
        self._gone.set()

    async def receive(self) -> dict[str, Any]:
        """ASGI: the request, then nothing until the browser leaves."""
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """ASGI: what the server says."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.text += message.get("body", b"").decode()
            if not message.get("more_body"):
                self.end()
        self._grown.set()

    def end(self) -> None:
        """The server has said all."""
        self.ended.set()
        self._grown.set()


@asynccontextmanager
async def event_source(
    city: City, person: Person | None, *, method: str = "GET", **asked: Any
) -> AsyncIterator[EventSource]:
    """Open `/v1/inbox/stream`; `last_event_id` goes into the header, `after` into the query."""
    source = EventSource()
    headers = [(b"host", b"localhost:8000")]
    if person is not None:
        headers.append((b"authorization", person.http.headers["authorization"].encode()))
    if "last_event_id" in asked:
        headers.append((b"last-event-id", str(asked["last_event_id"]).encode()))
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": "/v1/inbox/stream",
        "raw_path": b"/v1/inbox/stream",
        "query_string": f"after={asked['after']}".encode() if "after" in asked else b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 8000),
        "state": dict(city.state),
    }
    task = asyncio.get_running_loop().create_task(city.app(scope, source.receive, source.send))
    task.add_done_callback(lambda _: source.end())
    try:
        await source.until_begun()
        yield source
    finally:
        source.leave()
        async with asyncio.timeout(10):
            await task

"""Mini-apps that behave, and mini-apps that do not; and a resident's browser in front of the gateway."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from banyan_sdk.manifest import Manifest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app_server.gateway.dispatch import HostDispatch
from app_server.gateway.gateway import Gateway
from app_server.gateway.limits import Limits
from app_server.gateway.pool import Lookup, system_lookup
from app_server.gateway.site import Signer
from app_server.kernel.settings import Mode, Settings
from app_server.registry.lifecycle import State
from app_server.registry.published import Listings, PublishedListing
from tests.manifests import manifest

KEY = Ed25519PrivateKey.generate()
KID = "gateway-key"
MIB = 1 << 20
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
PATIENT = Limits()
QUICK = Limits(first_byte=1.5, whole=2.5, patience=0.3, at_once=4, waiting=4)  # for what is about time

Behaviour = Callable[["Visit"], Awaitable[None]]
Header = tuple[bytes, bytes]


def listing(endpoint: str, app_id: str = "library", state: State = State.ONLINE, **more: Any) -> PublishedListing:
    return PublishedListing(
        app_id=app_id,
        organisation_id=UUID(int=1),
        state=state,
        state_reason=more.pop("state_reason", None),
        version=more.pop("version", 1),
        endpoint=endpoint,
        public_keys=(),
        manifest=Manifest.model_validate(manifest(app_id, **more)),
    )


def settings(**more: Any) -> Settings:
    return Settings(
        mode=Mode.TEST,
        database_url="postgresql://nowhere/none",
        redis_url="redis://nowhere",
        key_file=Path("none"),
        allow_loopback_apps=True,
        **more,
    )


@dataclass
class Visit:
    """One connection from the gateway, as the mini-app's side sees it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int

    async def request(self) -> bytes:
        """The head of the next request; empty when the gateway has closed."""
        try:
            return await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return b""

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()


@dataclass
class Neighbour:
    """A mini-app's server under test: what it was sent, and how many connections it saw."""

    endpoint: str = ""
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0
    open_connections: int = 0


@asynccontextmanager
async def neighbour(behaviour: Behaviour) -> AsyncIterator[Neighbour]:
    """A server on a free port whose every connection goes to `behaviour`."""
    seen, tasks = Neighbour(), set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        seen.connections += 1
        seen.open_connections += 1
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await behaviour(Visit(reader, writer, seen.connections))
        seen.open_connections -= 1
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 20)
    seen.endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield seen
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def saying(answer: bytes, *, then_close: bool = False) -> AsyncIterator[Neighbour]:
    """A mini-app that reads each request and answers it with these bytes."""
    holder: list[Neighbour] = []

    async def behave(visit: Visit) -> None:
        while head := await visit.request():
            holder[0].heads.append(head)
            if length := _length(head):
                holder[0].bodies.append(await visit.reader.readexactly(length))
            await visit.say(answer)
            if then_close:
                return

    async with neighbour(behave) as seen:
        holder.append(seen)
        yield seen


async def hang(visit: Visit) -> None:
    """Takes the request and never answers."""
    await visit.request()
    await asyncio.sleep(60)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


@dataclass
class Reply:
    """What the browser got; `whole` is False when the answer broke off."""

    status: int = 0
    headers: list[Header] = field(default_factory=list)
    taken: bytearray = field(default_factory=bytearray)
    whole: bool = False

    @property
    def body(self) -> bytes:
        return bytes(self.taken)

    def header(self, name: str) -> str | None:
        found = [value.decode() for key, value in self.headers if key == name.encode()]
        return ", ".join(found) if found else None


class Street:
    """The gateway with its mini-apps, and browsers in front of it."""

    def __init__(self, listings: Iterable[PublishedListing], limits: Limits, lookup: Lookup, **more: Any) -> None:
        self.settings = settings(**more)
        self.gateway = Gateway(
            Listings(listings), self.settings, Signer(key=KEY, kid=KID), limits=limits, lookup=lookup
        )
        self.app = HostDispatch(_core, self.settings)

    async def ask(
        self,
        path: str = "/",
        *,
        method: str = "GET",
        headers: Iterable[tuple[str, str]] = (),
        body: Iterable[bytes] | AsyncIterator[bytes] = (),
        host: str = "library.localhost:8000",
        query: str = "",
        taking: Callable[[bytes], Awaitable[None]] | None = None,
        leaving: asyncio.Event | None = None,
        raw_headers: list[Header] | None = None,
    ) -> Reply:
        """Ask as a browser would. `taking` is awaited with each piece of the answer; `leaving` closes the browser."""
        reply, gone = Reply(), asyncio.Event()
        pieces = body if isinstance(body, AsyncIterator) else _each(body)
        ended = False

        async def receive() -> dict[str, Any]:
            nonlocal ended
            if not ended:
                try:
                    piece = await anext(pieces)
                    return {"type": "http.request", "body": piece, "more_body": True}
                except StopAsyncIteration:
                    ended = True
                    return {"type": "http.request", "body": b"", "more_body": False}
            await (leaving or gone).wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                assert not reply.status, "the answer began twice"
                reply.status, reply.headers = message["status"], message["headers"]
                return
            piece = message.get("body", b"")
            reply.taken += piece
            reply.whole = not message.get("more_body", False)
            if taking:
                await taking(piece)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "headers": [(b"host", host.encode())]
            + ([(name.lower().encode(), value.encode("latin-1")) for name, value in headers])
            + (raw_headers or []),
            "state": {"gateway": self.gateway},
        }
        await self.app(scope, receive, send)
        return reply

    def site(self, app_id: str = "library") -> Any:
        return next(site for site in self.gateway.sites() if site.app_id == app_id)


@asynccontextmanager
async def street(
    *listings: PublishedListing, limits: Limits = PATIENT, lookup: Lookup = system_lookup, **more: Any
) -> AsyncIterator[Street]:
    """A gateway with these mini-apps; everything it opened is closed after."""
    opened = Street(listings, limits, lookup, **more)
    try:
        yield opened
        for site in opened.gateway.sites():
            assert site.calls_under_way == 0, "a call kept its place"
    finally:
        opened.gateway.close()
        await asyncio.sleep(0)


async def _core(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-from", b"core")]})
    await send({"type": "http.response.body", "body": b"the core"})


async def _each(pieces: Any) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def eventually(true: Callable[[], bool], within: float = 2.0) -> None:
    """Wait until something that follows by itself has followed."""
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110 -- what is waited for has no event
            await asyncio.sleep(0.01)

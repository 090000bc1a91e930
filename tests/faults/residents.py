"""Single people, for what a test wants to see with its own eyes."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from tests.faults.crowd import LIBRARY_SCOPES, POOL_SCOPES, Visitor, desk_token
from tests.faults.journal import Journal
from tests.faults.outside import PAUSE, Outside, Phones


async def settled_in(outside: Outside, journal: Journal, dice: random.Random) -> Visitor:
    """Somebody who is signed in, has allowed both mini-apps, and has a book and a library card."""
    visitor = await signed_in(outside, journal, dice)
    await visitor.allow("library", LIBRARY_SCOPES)
    await visitor.allow("pool", POOL_SCOPES)
    await visitor.enter_library()
    await visitor.borrow()
    await visitor.library_card()
    return visitor


async def signed_in(outside: Outside, journal: Journal, dice: random.Random) -> Visitor:
    """Somebody who is signed in."""
    visitor = Visitor(outside, Phones(outside), journal, dice, await desk_token(outside))
    await visitor.sign_in()
    return visitor


@dataclass
class Stream:
    """One open page that shows new notices as they come."""

    positions: list[int] = field(default_factory=list)
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    said_goodbye: bool = False  # the server ended the stream itself, and said when to come back


class Page:
    """A resident's page: it comes back after every end, with the last position that it saw."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.seen = Stream()
        self.goodbyes = 0

    async def stay(self, http: aiohttp.ClientSession, outside: Outside) -> None:
        """As a browser's EventSource does."""
        while True:
            last = self.seen.positions[-1] if self.seen.positions else 0
            self.seen.said_goodbye = False
            await follow(http, outside, self.visitor, self.seen, last)
            self.goodbyes += self.seen.said_goodbye
            await asyncio.sleep(PAUSE)


@asynccontextmanager
async def stream(
    http: aiohttp.ClientSession, outside: Outside, visitor: Visitor, last: int | None = None
) -> AsyncIterator[Stream]:
    """Follow the inbox, from after position `last` or from now, until the block or the server ends it."""
    seen = Stream()
    following = asyncio.create_task(follow(http, outside, visitor, seen, last))
    try:
        async with asyncio.timeout(30):
            await seen.opened.wait()
        yield seen
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def follow(
    http: aiohttp.ClientSession, outside: Outside, visitor: Visitor, seen: Stream, last: int | None
) -> None:
    """Read one stream to its end. A connection that is refused or cut ends it too."""
    port = outside.town.settings.port
    headers = {"host": f"localhost:{port}", "authorization": f"Bearer {visitor.token}"}
    if last is not None:
        headers["last-event-id"] = str(last)
    try:
        async with http.get(f"http://127.0.0.1:{port}/v1/inbox/stream", headers=headers) as reply:
            if reply.status != 200:
                return
            async for line in reply.content:
                seen.opened.set()
                name, _, value = line.decode().strip().partition(":")
                if name == "id":
                    seen.positions.append(int(value))
                seen.said_goodbye |= name == "retry"
    except (aiohttp.ClientError, TimeoutError, OSError):
        return

"""A client's own server, where it hears of logouts: what it was sent, and how it answers."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import jwt

from tests.city import City


@dataclass
class Receiver:
    """Answers with `status`; 0 hangs up without a word."""

    port: int
    status: int = 200
    bodies: list[str] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)

    @property
    def uri(self) -> str:
        """What the client registers."""
        return f"http://127.0.0.1:{self.port}/logout"

    def tokens(self, city: City, client: str) -> list[dict[str, Any]]:
        """What it was told, verified with a library of others as a relying party does."""
        keys = {each["kid"]: jwt.PyJWK(each) for each in city.state["keys"].public_jwks()["keys"]}
        told = []
        for body in self.bodies:
            (token,) = parse_qs(body)["logout_token"]
            header = jwt.get_unverified_header(token)
            assert header["typ"] == "logout+jwt"
            issuer, key, ahead = city.settings.base_url, keys[header["kid"]], city.clock.ahead
            told.append(jwt.decode(token, key, algorithms=["ES256"], audience=client, issuer=issuer, leeway=ahead))
        return told


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """A server on this machine, until the test is over."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        (length,) = re.findall(r"content-length: (\d+)", head.lower())
        made.heads.append(head)
        made.bodies.append((await reader.readexactly(int(length))).decode())
        if made.status:
            writer.write(f"HTTP/1.1 {made.status} X\r\ncontent-length: 0\r\n\r\n".encode())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    made = Receiver(port=server.sockets[0].getsockname()[1])
    try:
        yield made
    finally:
        server.close()

"""A call that the platform itself makes to a mini-app, read whole: launches, events, icons."""

import asyncio
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from app_server.gateway.exchange import Exchange
from app_server.gateway.site import Site
from app_server.gateway.upstream import CallFailed, Header, TooLarge

LARGEST_ANSWER = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the mini-app answered."""

    status: int
    headers: list[Header]
    body: bytes

    def header(self, name: bytes) -> str:
        """The first header of that lower-case name, or an empty text."""
        return next((value.decode("latin-1") for found, value in self.headers if found == name), "")


async def call(
    site: Site,
    method: str,
    path: str,
    *,
    reference: str,
    within: float,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Ask, signed, and wait for the whole answer. Raises `CallFailed`, `Crowded`, `Resting`; follows no redirect."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    given = await site.enter(started)
    limits = dataclasses.replace(site.limits, first_byte=within, whole=within)
    exchange = Exchange(limits, started, receive=None)
    ok: bool | None = None
    try:
        lines = {"accept": "*/*", **(headers or {})}
        if body is not None:
            lines |= {"content-type": "application/json", "content-length": str(len(body))}
        head = b"".join(
            (
                f"{method} {path} HTTP/1.1\r\n".encode("ascii"),
                site.host_line,
                "".join([f"{name}: {value}\r\n" for name, value in lines.items()]).encode("latin-1"),
                site.signed(method, path, "", reference, body),
                b"\r\n",
            )
        )
        connection = await exchange.open(site, method, head, body or b"")
        answer = bytearray()
        while piece := await connection.read():
            answer += piece
            if len(answer) > LARGEST_ANSWER:
                raise TooLarge("the answer is too large")
        ok = connection.status < 500
        return Answer(status=connection.status, headers=connection.headers, body=bytes(answer))
    except CallFailed as failure:
        ok = False
        site.log_failure(failure, reference)
        raise
    finally:
        exchange.close()
        if exchange.connection:
            site.keep(exchange.connection, loop.time())
        site.leave(given, started, ok=ok)

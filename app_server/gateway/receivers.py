"""Addresses at which clients hear of logouts: each with its connections and its breaker, called by the house's own
client, which connects only to addresses that it has checked and follows no redirect.
"""

import asyncio
import random
from urllib.parse import urlsplit

from app_server.gateway.breaker import Breaker, Pass
from app_server.gateway.pool import Lookup, Pool, system_lookup
from app_server.gateway.site import Resting
from app_server.gateway.upstream import Lost, TooSlow
from app_server.kernel.addresses import endpoint

CONNECT_WITHIN = 2.0  # seconds
WITHIN = 5.0  # seconds for all of it


class Receivers:
    """The receivers of one process."""

    def __init__(self, *, allow_loopback: bool, lookup: Lookup = system_lookup) -> None:
        self._allow_loopback = allow_loopback
        self._lookup = lookup
        self._known: dict[str, tuple[Pool, Breaker]] = {}

    async def post(self, uri: str, form: bytes) -> int:
        """Send a form; the status that came back. Raises `CallFailed`, `EndpointRefused`, or `Resting`."""
        parts = urlsplit(uri)
        pool, breaker = self._receiver(f"{parts.scheme}://{parts.netloc}")
        loop = asyncio.get_running_loop()
        given = breaker.admit(loop.time())
        if given is Pass.REFUSED:
            raise Resting(breaker.retry_after(loop.time()))
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        head = (
            f"POST {path} HTTP/1.1\r\nhost: {pool.endpoint.authority}\r\naccept: */*\r\nconnection: close\r\n"
            f"content-type: application/x-www-form-urlencoded\r\ncontent-length: {len(form)}\r\n\r\n"
        )
        status = 0
        try:
            async with asyncio.timeout(WITHIN):
                connection = await pool.connect()
                try:
                    connection.begin(head.encode("ascii") + form, bodiless=False, sent=True)
                    await connection.head()
                    status = connection.status
                finally:
                    connection.fail(Lost("done"))
        except TimeoutError:
            raise TooSlow("no answer in time") from None
        finally:
            breaker.record(given, 0 < status < 500, loop.time(), random.random())
        return status

    def _receiver(self, origin: str) -> tuple[Pool, Breaker]:
        if origin not in self._known:
            found = endpoint(origin, allow_loopback=self._allow_loopback)
            pool = Pool(found, allow_loopback=self._allow_loopback, connect_within=CONNECT_WITHIN, lookup=self._lookup)
            self._known[origin] = pool, Breaker()
        return self._known[origin]

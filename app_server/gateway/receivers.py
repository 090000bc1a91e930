"""Addresses of others, such as those at which clients hear of logouts: each with its connections and its breaker, and
called by the house's own client, which connects only to addresses that it has checked and follows no redirect.
"""

import asyncio
import random
from collections.abc import Mapping
from urllib.parse import urlsplit

from app_server.gateway.breaker import Breaker, Pass
from app_server.gateway.calls import Answer
from app_server.gateway.pool import Lookup, Pool, system_lookup
from app_server.gateway.site import Resting
from app_server.gateway.upstream import Lost, TooLarge, TooSlow
from app_server.kernel.addresses import endpoint

CONNECT_WITHIN = 2.0  # seconds
WITHIN = 5.0  # seconds for all of it
FORM = "application/x-www-form-urlencoded"


class Receivers:
    """The receivers of one process."""

    def __init__(self, *, allow_loopback: bool, lookup: Lookup = system_lookup) -> None:
        self._allow_loopback = allow_loopback
        self._lookup = lookup
        self._known: dict[str, tuple[Pool, Breaker]] = {}

    async def post(self, uri: str, form: bytes) -> int:
        """Send a form; the status that came back. Raises as `ask`."""
        answer = await self.ask("POST", uri, body=form, headers={"content-type": FORM}, largest=0)
        return answer.status

    async def ask(self, method: str, uri: str, *, body: bytes, headers: Mapping[str, str], largest: int) -> Answer:
        """The answer. With `largest=0` its body is not waited for; otherwise it may have so many bytes.

        Raises `CallFailed`, `EndpointRefused`, or `Resting`. `uri` and `headers` are printable ASCII.
        """
        parts = urlsplit(uri)
        pool, breaker = self._receiver(f"{parts.scheme}://{parts.netloc}")
        loop = asyncio.get_running_loop()
        given = breaker.admit(loop.time())
        if given is Pass.REFUSED:
            raise Resting(breaker.retry_after(loop.time()))
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = {"host": pool.endpoint.authority, "accept": "*/*", "connection": "close", **headers}
        if method == "POST":
            lines["content-length"] = str(len(body))
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        answer: Answer | None = None
        try:
            async with asyncio.timeout(WITHIN):
                connection = await pool.connect()
                try:
                    connection.begin(f"{head}\r\n".encode("ascii") + body, bodiless=False, sent=True)
                    await connection.head()
                    came = bytearray()
                    while largest and (piece := await connection.read()):
                        came += piece
                        if len(came) > largest:
                            raise TooLarge("the answer is too large")
                    answer = Answer(status=connection.status, headers=connection.headers, body=bytes(came))
                finally:
                    connection.fail(Lost("done"))
        except TimeoutError:
            raise TooSlow("no answer in time") from None
        finally:
            breaker.record(given, answer is not None and answer.status < 500, loop.time(), random.random())
        return answer

    def _receiver(self, origin: str) -> tuple[Pool, Breaker]:
        if origin not in self._known:
            found = endpoint(origin, allow_loopback=self._allow_loopback)
            pool = Pool(found, allow_loopback=self._allow_loopback, connect_within=CONNECT_WITHIN, lookup=self._lookup)
            self._known[origin] = pool, Breaker()
        return self._known[origin]

"""Everything one process knows of one mini-app that it calls: connections, places, breaker, figures, headers."""

import asyncio
import random
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from banyan_sdk.signing import sign_request
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app_server.gateway.breaker import Breaker, Pass
from app_server.gateway.buckets import Bucket
from app_server.gateway.limits import Limits
from app_server.gateway.policy import security_headers
from app_server.gateway.pool import Lookup, Pool, system_lookup
from app_server.gateway.tally import Tally
from app_server.gateway.upstream import CallFailed, Upstream
from app_server.kernel.addresses import endpoint
from app_server.kernel.logs import logger
from app_server.registry.published import PublishedListing

log = logger(__name__)


class Crowded(Exception):
    """More calls than the mini-app may have: nothing was sent to it."""


class Resting(Exception):
    """The breaker is open: the mini-app has failed too often just now, and nothing was sent to it."""

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """The gateway's key, with the id under which mini-apps find its public half."""

    key: Ed25519PrivateKey
    kid: str


class Site:
    """One mini-app. `enter`, then `leave` exactly once; between them the call is one of the few under way."""

    def __init__(
        self,
        listing: PublishedListing,
        *,
        base_url: str,
        origin: str,
        signer: Signer,
        limits: Limits,
        allow_loopback: bool,
        lookup: Lookup = system_lookup,
    ) -> None:
        self.app_id = listing.app_id
        self.base_url = base_url
        self.origin = origin.encode()
        self.signer = signer
        self.limits = limits
        self.tally = Tally()
        self.breaker = Breaker()
        self._allow_loopback = allow_loopback
        self._lookup = lookup
        self._bucket = Bucket(limits.rate, limits.burst)
        self._log_bucket = Bucket(0.2, 5)  # a storm of failures must not become a storm of lines
        self._under_way = self._uploads = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._pool: Pool | None = None
        self.take_over(listing)

    def take_over(self, listing: PublishedListing) -> None:
        """Go on with another version of the listing. Raises `EndpointRefused`, and then keeps to the old one."""
        found = endpoint(listing.endpoint, allow_loopback=self._allow_loopback)
        if self._pool is None or self._pool.endpoint != found:
            if self._pool:
                self._pool.close()
            self._pool = Pool(
                found, allow_loopback=self._allow_loopback, connect_within=self.limits.connect, lookup=self._lookup
            )
        network = listing.manifest.banyan.network
        self.headers = security_headers(
            {"connect": network.connect, "frame": network.frame}, base_url=_origin(self.base_url)
        )
        self.version = listing.version
        self.host_line = f"host: {found.authority}\r\n".encode()
        self.endpoint_origin = found.origin.encode()

    @property
    def calls_under_way(self) -> int:
        """How many calls have a place now."""
        return self._under_way

    async def enter(self, now: float) -> Pass:
        """Wait for a place, and ask the breaker. Raises `Crowded` or `Resting`; then there is nothing to leave."""
        if not self._bucket.take(now):
            raise Crowded
        if self.breaker.rests(now):
            raise Resting(self.breaker.retry_after(now))
        if self._under_way >= self.limits.at_once:
            await self._place()
            now = asyncio.get_running_loop().time()
        else:
            self._under_way += 1
        given = self.breaker.admit(now)
        if given is Pass.REFUSED:
            self._free_place()
            raise Resting(self.breaker.retry_after(now))
        return given

    def leave(self, given: Pass, started: float, *, ok: bool | None) -> None:
        """The call has ended; `ok` is None when its outcome says nothing about the mini-app."""
        now = asyncio.get_running_loop().time()
        if ok is None:
            self.breaker.abandon(given, now)
        else:
            was_open = self.breaker.is_open
            self.breaker.record(given, ok, now, random.random())
            if self.breaker.is_open is not was_open:
                log.warning("breaker_opened" if self.breaker.is_open else "breaker_closed", app_id=self.app_id)
            self.tally.count(int(time.time() // 60), ok=ok, milliseconds=(now - started) * 1000)
        self._free_place()

    def begin_upload(self) -> None:
        """A request whose body is still coming wants to enter. Raises `Crowded`; else `end_upload` belongs to it."""
        if self._uploads >= self.limits.uploads:
            raise Crowded
        self._uploads += 1

    def end_upload(self) -> None:
        """Its call has ended."""
        self._uploads -= 1

    def turned_away(self) -> None:
        """Count a call that was refused before it began."""
        self.tally.count(int(time.time() // 60), ok=False, milliseconds=None)

    async def connection(self, now: float, *, repeatable: bool) -> Upstream:
        """An idle connection or a new one. Raises `Unreachable`."""
        assert self._pool
        return self._pool.reuse(now, repeatable=repeatable) or await self._pool.connect()

    async def new_connection(self) -> Upstream:
        """A new connection. Raises `Unreachable`."""
        assert self._pool
        return await self._pool.connect()

    def keep(self, connection: Upstream, now: float) -> None:
        """Take a connection back."""
        assert self._pool
        self._pool.keep(connection, now)

    def close(self) -> None:
        """Close the idle connections."""
        assert self._pool
        self._pool.close()

    def signed(self, method: str, path: str, query: str, reference: str, body: bytes | None) -> bytes:
        """The header lines that prove that this request comes from the platform (RFC 9421)."""
        headers = sign_request(
            self.signer.key,
            self.signer.kid,
            method=method,
            path=path,
            query=query,
            app=self.app_id,
            request_id=reference,
            created=int(time.time()),
            body=body,
        )
        return "".join([f"{name}: {value}\r\n" for name, value in headers.items()]).encode("latin-1")

    def log_failure(self, failure: CallFailed, reference: str) -> None:
        """Say in the log why a call came to nothing; a few lines a minute at most."""
        if self._log_bucket.take(asyncio.get_running_loop().time()):
            log.warning(
                "miniapp_call_failed",
                app_id=self.app_id,
                kind=type(failure).__name__,
                reason=str(failure),
                request=reference,
            )

    async def _place(self) -> None:
        if len(self._waiting) >= self.limits.waiting:
            raise Crowded
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            async with asyncio.timeout(self.limits.patience):
                await place
        except BaseException as error:
            if place.done() and not place.cancelled():
                self._free_place()  # it came at the same moment as the end of waiting
            else:
                with suppress(ValueError):
                    self._waiting.remove(place)
            if isinstance(error, TimeoutError):
                raise Crowded from None
            raise

    def _free_place(self) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)  # the place passes on; as many are under way as before
                return
        self._under_way -= 1


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"

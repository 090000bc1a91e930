"""The connections to one mini-app: kept open between calls, made only to addresses that were checked."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable

from app_server.gateway.upstream import Lost, Unreachable, Upstream
from app_server.kernel.addresses import Endpoint, refusal

IDLE = 4.0  # seconds a connection is kept without use: uvicorn, which many mini-apps run on, closes after 5
SURE = 1.0  # a call that must not be sent twice takes only a connection used this recently
RESOLVED = 60.0  # seconds an answer of the resolver is used

Lookup = Callable[[str, int], Awaitable[list[str]]]


async def system_lookup(host: str, port: int) -> list[str]:
    """The addresses of a host, from the system's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=1)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Pool:
    """Connections to one endpoint."""

    def __init__(
        self, endpoint: Endpoint, *, allow_loopback: bool, connect_within: float, lookup: Lookup = system_lookup
    ) -> None:
        self.endpoint = endpoint
        self._allow_loopback = allow_loopback
        self._connect_within = connect_within
        self._lookup = lookup
        self._idle: list[Upstream] = []
        self._addresses: list[str] = []
        self._resolved_at = 0.0
        self._tls = ssl.create_default_context() if endpoint.secure else None

    def reuse(self, now: float, *, repeatable: bool) -> Upstream | None:
        """An idle connection, the last one used first; None when there is none to rely on."""
        oldest = now - (IDLE if repeatable else SURE)
        while self._idle:
            connection = self._idle[-1]
            if not connection.closed and connection.idle_since >= oldest:
                return self._idle.pop()
            if not connection.closed and not repeatable:
                return None  # still good for calls that may be repeated
            self._idle.pop().fail(Lost("idle for too long"))
        return None

    def keep(self, connection: Upstream, now: float) -> None:
        """Take a connection back, for the next call if it is fit for one."""
        if connection.reusable and connection.owner is self:
            connection.idle_since = now
            self._idle.append(connection)
        else:
            connection.fail(Lost("done"))

    async def connect(self) -> Upstream:
        """A new connection. Raises `Unreachable`."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_within):
                addresses = await self._checked_addresses(loop.time())
                for address in addresses[:-1]:
                    try:
                        return await self._open(loop, address)
                    except OSError:
                        continue
                return await self._open(loop, addresses[-1])
        except TimeoutError:
            raise Unreachable("no connection in time") from None
        except OSError as error:  # also a certificate that does not hold
            raise Unreachable(type(error).__name__) from None

    def close(self) -> None:
        """Close the idle connections; those in use end with their calls."""
        while self._idle:
            self._idle.pop().fail(Lost("closed"))

    async def _open(self, loop: asyncio.AbstractEventLoop, address: str) -> Upstream:
        _, connection = await loop.create_connection(
            Upstream,
            address,
            self.endpoint.port,
            ssl=self._tls,
            server_hostname=self.endpoint.host if self._tls else None,
        )
        connection.owner = self
        return connection

    async def _checked_addresses(self, now: float) -> list[str]:
        if not self._addresses or now - self._resolved_at > RESOLVED:
            addresses = await self._lookup(self.endpoint.host, self.endpoint.port)
            for address in addresses:  # one bad address among good ones is an attempt, not an accident
                if reason := refusal(address, allow_loopback=self._allow_loopback):
                    raise Unreachable(f"the endpoint's address is refused: {reason}")
            if not addresses:
                raise Unreachable("the endpoint's name has no address")
            self._addresses, self._resolved_at = addresses, now
        return self._addresses

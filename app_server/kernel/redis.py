"""Valkey, or any server that speaks its protocol: handles, limits and hints; it may be lost at any moment.

All commands of a process share one connection and travel in pipelines. Nothing is retried: redis-py's default of ten
repeats makes `INCR` count twice and `GETDEL` lose what it consumed when a reply is dropped.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from redis.asyncio import Redis as Client
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app_server.kernel.batch import Batcher
from app_server.kernel.logs import logger

TIMEOUT = 0.5  # seconds until a silent server counts as gone
RECONNECT = 1.0  # seconds between attempts to subscribe again

Argument = str | bytes | int | float
Command = tuple[Argument, ...]

log = logger(__name__)


class RedisUnavailable(Exception):
    """Valkey did not answer in time, or the connection broke: the command may or may not have been done."""


class Redis:
    """One connection for commands, one for hints."""

    def __init__(self, url: str) -> None:
        self._client = _client(url, socket_timeout=TIMEOUT)
        self._client.response_callbacks = {}  # replies as they come: redis-py would turn `SET … GET` into a bool
        self._hints = _client(url, socket_timeout=None)
        self._send: Batcher[Command, Any] = Batcher(self._pipeline, most=512, unit_of_work=False)
        self._callbacks: dict[str, list[Callable[[str], None]]] = {}
        self._listener: asyncio.Task[None] | None = None
        self._publishing: set[asyncio.Task[None]] = set()

    async def call(self, *command: Argument) -> Any:
        """Send one command; its reply as bytes, int, list or None. Raises `RedisUnavailable` within a second."""
        return await self._send(command)

    def publish(self, channel: str, text: str) -> None:
        """A hint to every process; it may be lost, so nobody may depend on it."""
        task = asyncio.get_running_loop().create_task(self._publish(channel, text))
        self._publishing.add(task)
        task.add_done_callback(self._publishing.discard)

    def subscribe(self, channel: str, callback: Callable[[str], None]) -> None:
        """Call back with the text of each hint on the channel, from the event loop. Subscribe before `start`."""
        self._callbacks.setdefault(channel, []).append(callback)

    async def start(self) -> None:
        """Begin to listen for hints."""
        if self._callbacks:
            self._listener = asyncio.get_running_loop().create_task(self._listen())

    async def close(self) -> None:
        """Close both connections."""
        if self._listener:
            self._listener.cancel()
            with suppress(asyncio.CancelledError):
                await self._listener
        with suppress(RedisError, OSError):
            await self._client.aclose()
            await self._hints.aclose()

    async def _publish(self, channel: str, text: str) -> None:
        with suppress(RedisUnavailable):
            await self.call("PUBLISH", channel, text)

    async def _pipeline(self, commands: list[Command]) -> Sequence[Any]:
        pipe = self._client.pipeline(transaction=False)
        for command in commands:
            pipe.execute_command(*command)
        try:
            async with asyncio.timeout(2 * TIMEOUT):
                answers: list[Any] = await pipe.execute(raise_on_error=False)
        except (RedisError, OSError, TimeoutError) as error:
            raise RedisUnavailable(type(error).__name__) from None
        return [RedisUnavailable(str(answer)) if isinstance(answer, RedisError) else answer for answer in answers]

    async def _listen(self) -> None:
        while True:
            try:
                async with self._hints.pubsub(ignore_subscribe_messages=True) as pubsub:
                    await pubsub.subscribe(*self._callbacks)
                    async for message in pubsub.listen():
                        for callback in self._callbacks.get(message["channel"].decode(), ()):
                            callback(message["data"].decode())
            except (RedisError, OSError) as error:
                log.warning("hints_lost", reason=type(error).__name__)
            await asyncio.sleep(RECONNECT)


def _client(url: str, *, socket_timeout: float | None) -> Client:
    return Client.from_url(
        url,
        socket_timeout=socket_timeout,
        socket_connect_timeout=TIMEOUT,
        retry=Retry(NoBackoff(), 0),
        retry_on_error=[],
        max_connections=4,
    )

"""Plain HTTP from outside: an answer, or none. Who gets none does not know whether the city did it."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp
from banyan_sdk.keys import AppKey

from tests.faults.town import Town

PATIENCE = 15.0  # seconds for one answer
GIVE_UP = 60.0  # seconds after which a city that does not answer has failed the test
PAUSE = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def code(self) -> str:
        """The problem's code, or nothing."""
        return str(self.body.get("code", "")) if isinstance(self.body, dict) else ""


class Outside:
    """HTTP to one town, on the core's origin or on a mini-app's; `port` names another web process of it."""

    def __init__(self, town: Town, port: int | None = None) -> None:
        self.town = town
        self.repeats = 0
        self.server_errors: list[str] = []  # every 5xx, as "GET /path 503"
        self._base = f"http://127.0.0.1:{port or town.settings.port}"
        self._http = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=PATIENCE),
            connector=aiohttp.TCPConnector(limit=0),
        )
        self._pool_token = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        app: str | None = None,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Answer | None:
        """One try; None when the connection broke or nothing came in time."""
        host = f"{app}.localhost" if app else "localhost"
        sent = {"host": f"{host}:{self.town.settings.port}", "accept-language": "en", **(headers or {})}
        try:
            async with self._http.request(
                method, self._base + path, headers=sent, allow_redirects=False, **options
            ) as reply:
                is_json = "json" in reply.content_type
                answer = Answer(
                    status=reply.status,
                    headers=reply.headers,
                    body=await reply.json(content_type=None) if is_json else await reply.text(),
                )
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None
        assert answer.status != 500, f"{method} {path}: an error that nobody expected\n{self.town.last_words()}"
        if answer.status > 500:
            self.server_errors.append(f"{method} {path} {answer.status} {answer.code}")
        return answer

    async def insist(self, method: str, path: str, **options: Any) -> Answer:
        """The same request until it is answered with something else than "later"; only what may be sent twice."""
        try:
            async with asyncio.timeout(GIVE_UP):
                while True:
                    answer = await self.ask(method, path, **options)
                    if answer is not None and answer.status < 500 and answer.status != 429:
                        return answer
                    self.repeats += 1
                    await asyncio.sleep(PAUSE)
        except TimeoutError:
            raise AssertionError(f"{method} {path} was not answered in {GIVE_UP} s") from None

    async def until_away(self) -> None:
        """Wait until the city is not ready any more."""
        while True:
            answer = await self.ask("GET", "/readyz")
            if answer is None or answer.status != 200:
                return
            await asyncio.sleep(0.02)

    async def as_pool(self, path: str, body: dict[str, Any], *, key: str) -> Answer:
        """A write of the swimming pool's, in its own name."""
        if not self._pool_token:
            self._pool_token = await self._token("pool", self.town.pool_key)
        headers = {"authorization": f"Bearer {self._pool_token}", "idempotency-key": key}
        return await self.insist("POST", path, json=body, headers=headers)

    async def _token(self, app_id: str, key: AppKey) -> str:
        while True:
            form = {
                "grant_type": "client_credentials",
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": key.client_assertion(app_id, self.town.settings.base_url),
            }
            answer = await self.ask("POST", "/oauth/token", data=form)
            if answer is not None and answer.status == 200:
                return str(answer.body["access_token"])
            await asyncio.sleep(PAUSE)  # an assertion is good once: the next try signs another


class Phones:
    """The phones of everybody: one look at the demo's outbox serves all who wait for a code."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._waiting: dict[str, asyncio.Future[str]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def code(self, phone: str, within: float = GIVE_UP) -> str | None:
        """The six digits that were sent to this number; None when none came in time."""
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting[phone] = future
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            async with asyncio.timeout(within):
                return await future
        except TimeoutError:
            return None
        finally:
            self._waiting.pop(phone, None)

    async def _look(self) -> None:
        while self._waiting:
            answer = await self._outside.ask("GET", "/v1/demo/outbox")
            for item in answer.body["items"] if answer is not None and answer.status == 200 else ():
                future = self._waiting.get(item["to"])
                found = re.search(r"\d{6}", item["text"])
                if future is not None and found and not future.done():
                    future.set_result(found[0])
            await asyncio.sleep(0.25)

"""The population register as it is on the wire: whether it knows a person by name and number, and no more of them.

`POST {register_url}` with `{"name", "id_number"}` as JSON and a bearer secret answers 200 with `{"result": "matched"}`
or `{"result": "not_matched"}`. Whatever else comes back, or nothing in time, is no answer.
"""

import asyncio
import random
from typing import Any

import aiohttp
import orjson

from app_server.gateway.breaker import Breaker, Pass
from app_server.kernel.logs import logger
from app_server.kernel.settings import Settings

ANSWER_WITHIN = 3.0  # seconds for one try
TRIES = 2
LARGEST = 4096  # bytes of an answer
_RESULTS = {"matched": True, "not_matched": False}

log = logger(__name__)


class NoAnswer(Exception):
    """The register did not say; the text is for the log, and names nobody."""


class Register:
    """The `PopulationRegister` port."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.register_url
        self._secret = settings.register_secret
        self._breaker = Breaker()

    async def knows(self, *, name: str, id_number: str) -> bool | None:
        """Whether the register has this name with this number; None when it cannot say now, or there is none."""
        for _ in range(TRIES if self._url else 0):
            loop = asyncio.get_running_loop()
            given = self._breaker.admit(loop.time())
            if given is Pass.REFUSED:
                break
            answer = None
            try:
                answer = await self._ask({"name": name, "id_number": id_number})
            except (NoAnswer, aiohttp.ClientError, TimeoutError, ValueError) as reason:
                words = str(reason) if isinstance(reason, NoAnswer) else type(reason).__name__
                log.warning("register_no_answer", reason=words)
            finally:
                self._breaker.record(given, answer is not None, loop.time(), random.random())
            if answer is not None:
                return answer
        return None

    async def _ask(self, who: dict[str, str]) -> bool:
        assert self._url is not None
        headers, timeout = {"Authorization": f"Bearer {self._secret}"}, aiohttp.ClientTimeout(total=ANSWER_WITHIN)
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout) as http,
            http.post(self._url, json=who, headers=headers, allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                raise NoAnswer(f"status {answer.status}")
            body = bytearray()
            async for chunk in answer.content.iter_any():
                body += chunk
                if len(body) > LARGEST:
                    raise NoAnswer("too large")
        said: Any = orjson.loads(body)
        for result, meaning in _RESULTS.items():
            if isinstance(said, dict) and said.get("result") == result:
                return meaning
        raise NoAnswer("an answer of another shape")

"""A city in memory, for tests: it speaks the same protocol as the platform, checks as strictly, and fails on request.

async with City(app) as city:
    lin = city.resident("林晓燕", locale="zh-CN")
    visit = await city.open(lin)
    assert (await visit.get("/api/hello")).json() == {...}
    await city.settled()
    assert city.platform.notices_of(lin) == [...]
"""

import asyncio
import json
import secrets
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self
from urllib.parse import urlencode
from uuid import UUID, uuid4

import httpx2

from banyan_sdk.app import MiniApp
from banyan_sdk.fake import FakePlatform, Resident
from banyan_sdk.keys import AppKey
from banyan_sdk.protocol import (
    CODE_PARAMETER,
    EVENTS_PATH,
    IDEMPOTENCY_HEADER,
    LAUNCH_PARAMETER,
    LAUNCH_PATH,
    SESSION_PATH,
    EventType,
    LaunchAnswer,
    SessionReply,
)
from banyan_sdk.surroundings import Surroundings, origin_beside


class Visit:
    """A resident with the mini-app open: calls carry her session, as the bridge makes them."""

    def __init__(self, city: "City", session: SessionReply) -> None:
        self._city, self.session = city, session

    async def get(self, path: str, **query: str) -> httpx2.Response:
        return await self._city.send("GET", path, urlencode(query), headers=self._bearer())

    async def post(self, path: str, body: object = None, *, key: str | None = None) -> httpx2.Response:
        headers = self._bearer() | {IDEMPOTENCY_HEADER: key or secrets.token_hex(8)}
        content = b"" if body is None else json.dumps(body).encode()
        return await self._city.send("POST", path, content=content, headers=headers)

    def _bearer(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.session.session}"}


class City:
    """A running mini-app with its platform around it. `data=None` keeps the app's file in memory."""

    def __init__(
        self,
        app: MiniApp,
        *,
        data: Path | None = None,
        key: AppKey | None = None,
        base_url: str = "http://city.test",
    ) -> None:
        self.app = app
        key, base = key or AppKey.generate(), base_url
        self.platform = FakePlatform(app.manifest, key.public_jwk(), base)
        surroundings = Surroundings(
            platform_url=base, origin=origin_beside(base, app.manifest.app_id), key_file=None, data=data
        )
        app.connect(surroundings, key, httpx2.ASGITransport(app=self.platform.asgi))
        self.http = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=app, raise_app_exceptions=False), base_url=surroundings.origin
        )
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._open.enter_async_context(self.app.running())
        await self._open.enter_async_context(self.http)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    def resident(self, name: str = "林晓燕", *, locale: str = "zh-CN", grants: set[str] | None = None) -> Resident:
        return self.platform.resident(name, locale=locale, grants=grants)

    async def send(
        self, method: str, path: str, query: str = "", *, content: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        """A request as the gateway sends it: signed."""
        url = f"{path}?{query}" if query else path
        signed = self.platform.signed(method, path, query)
        return await self.http.request(method, url, content=content, headers=signed | dict(headers or {}))

    async def launch(self, resident: Resident) -> tuple[str, UUID]:
        """What the shell gets: a one-time code and its launch id."""
        launch_id = uuid4()
        body = json.dumps({"launch_id": str(launch_id)}).encode()
        signed = self.platform.signed("POST", LAUNCH_PATH, body=body)
        reply = await self.http.post(LAUNCH_PATH, content=body, headers=signed)
        reply.raise_for_status()
        challenge = LaunchAnswer.model_validate_json(reply.content).code_challenge
        return self.platform.code(resident, launch_id, challenge), launch_id

    async def address(self, resident: Resident, page: str = "/") -> str:
        """The address the shell opens in its frame."""
        code, launch_id = await self.launch(resident)
        return (
            f"{self.http.base_url}{page.lstrip('/')}?{urlencode({CODE_PARAMETER: code, LAUNCH_PARAMETER: launch_id})}"
        )

    async def open(self, resident: Resident) -> Visit:
        """Launch the mini-app for a resident and exchange the code, as its page does."""
        code, launch_id = await self.launch(resident)
        body = json.dumps({"code": code, "launch_id": str(launch_id)}).encode()
        reply = await self.send("POST", SESSION_PATH, content=body)
        reply.raise_for_status()
        return Visit(self, SessionReply.model_validate_json(reply.content))

    async def tell(self, event_type: str, data: dict[str, object], event_id: str | None = None) -> httpx2.Response:
        """Send an event; the same `event_id` again is a duplicate."""
        headers, body = self.platform.event(event_type, data, event_id)
        signed = self.platform.signed("POST", EVENTS_PATH, body=body)
        return await self.http.post(EVENTS_PATH, content=body, headers=headers | signed)

    async def withdraw(self, resident: Resident, scope: str) -> None:
        """The resident takes a grant back, and the mini-app hears of it."""
        resident.grants.discard(scope)
        await self.tell(EventType.GRANT_WITHDRAWN, {"sub": resident.sub, "scope": scope})

    async def settled(self, *, within: float = 5.0) -> None:
        """Wait until every event is handled and every promised call is answered; raises TimeoutError."""
        async with asyncio.timeout(within):
            while True:
                if not await self.app.later.waiting() and not await self.app.unhandled_events():
                    return
                await asyncio.sleep(0.005)

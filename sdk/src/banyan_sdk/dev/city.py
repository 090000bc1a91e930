"""One ASGI application that is two origins: the shell at localhost, the mini-app at <app_id>.localhost."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from banyan_sdk.app import MiniApp
from banyan_sdk.keys import AppKey
from banyan_sdk.manifest import Manifest
from banyan_sdk.pages import send as send_file
from banyan_sdk.surroundings import origin_beside
from banyan_sdk.testing import City

HERE = Path(__file__).parent
# What the gateway takes out of a request before a mini-app sees it.
STRIPPED = (b"cookie", b"signature", b"signature-input", b"content-digest", b"forwarded")
STRIPPED_PREFIXES = (b"banyan-", b"x-forwarded-", b"webhook-")


class DevCity:
    """Ctrl-C and it is gone; only the mini-app's own data folder stays."""

    def __init__(self, app: MiniApp, *, base_url: str, data: Path, key: AppKey) -> None:
        self._app, self._base_url = app, base_url
        self._city = City(app, data=data, key=key, base_url=base_url)
        self._resident = self._city.resident("林晓燕", locale="zh-CN")
        self._policy = content_policy(app.manifest, base_url)
        self._shell = Starlette(
            routes=[
                Route("/", self._file),
                Route("/shell.js", self._file),
                Route("/shell.css", self._file),
                Route("/launch", self._launch, methods=["POST"]),
                Route("/activity", self._activity),
                Route("/resident", self._change_resident, methods=["POST"]),
                Route("/withdraw", self._withdraw, methods=["POST"]),
            ],
            lifespan=self._open,
        )

    @asynccontextmanager
    async def _open(self, _: Starlette) -> AsyncIterator[None]:
        async with self._city:
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _host(scope).startswith(f"{self._app.manifest.app_id}."):
            await self._proxied(scope, receive, send)
        else:
            await self._shell(scope, receive, send)

    async def _proxied(self, scope: Scope, receive: Receive, send: Send) -> None:
        signed = self._city.platform.signed(
            scope["method"], scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
        )
        kept = [
            (name, value)
            for name, value in scope["headers"]
            if name not in STRIPPED and not name.startswith(STRIPPED_PREFIXES)
        ]
        added = [(name.encode(), value.encode()) for name, value in signed.items()]

        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"content-security-policy", self._policy.encode())]
            await send(message)

        await self._app({**scope, "headers": kept + added}, receive, with_policy)

    async def _file(self, request: Request) -> Response:
        name = request.url.path.strip("/") or "shell.html"
        return send_file(HERE / name, request, self._base_url)

    async def _launch(self, request: Request) -> Response:
        asked = await request.json()
        page = str(asked.get("page") or self._app.manifest.pages[0])
        return JSONResponse({"url": await self._city.address(self._resident, page)}, 201)

    async def _activity(self, request: Request) -> Response:
        platform, locale = self._city.platform, self._resident.locale
        return JSONResponse(
            {
                "app_id": self._app.manifest.app_id,
                "title": self._app.manifest.title(locale),
                "origin": origin_beside(self._base_url, self._app.manifest.app_id),
                "resident": {"name": self._resident.name, "locale": locale, "grants": sorted(self._resident.grants)},
                "cards": [self._card(card) for card in platform.cards_of(self._resident)],
                "notices": platform.notices_of(self._resident),
            }
        )

    def _card(self, card: dict[str, Any]) -> dict[str, Any]:
        card_type = self._app.manifest.card(card["type"])
        title = card_type.title if card_type else {}
        return {"type": card["type"], "title": title.get(self._resident.locale, card["type"]), "fields": card["fields"]}

    async def _change_resident(self, request: Request) -> Response:
        self._resident.locale = str((await request.json())["locale"])
        return Response(status_code=204)

    async def _withdraw(self, request: Request) -> Response:
        await self._city.withdraw(self._resident, str((await request.json())["scope"]))
        return Response(status_code=204)


def content_policy(manifest: Manifest, shell: str) -> str:
    """The Content-Security-Policy that a manifest gets: its own origin, and what `network` names."""
    network = manifest.banyan.network
    return "; ".join(
        (
            "default-src 'self'",
            "img-src 'self' data: blob:",
            " ".join(("connect-src 'self'", *network.connect)),
            " ".join(("frame-src", *network.frame)) if network.frame else "frame-src 'none'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            f"frame-ancestors {shell}",
        )
    )


def _host(scope: Scope) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")

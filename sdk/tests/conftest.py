"""A small mini-app, and a city around it."""

import copy
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.requests import Request

from banyan_sdk import Event, Launch, MiniApp, Platform, Problem
from banyan_sdk.manifest import parse
from banyan_sdk.testing import City

MANIFEST: dict[str, Any] = {
    "app_id": "tea-house",
    "name": "茶馆",
    "icons": [{"src": "/icon.svg"}],
    "pages": ["/", "/menu"],
    "version": {"code": 1, "name": "1.0"},
    "platform_version": {"min_code": 1},
    "banyan": {
        "name": {"en": "Tea House", "zh-CN": "茶馆"},
        "description": {"en": "Tea by the river.", "zh-CN": "江边喝茶。"},
        "sector": "commercial",
        "sponsor": "Tea House Ltd",
        "operator": "Tea House Ltd",
        "complaints": {"phone": "12345"},
        "scopes": [
            {
                "scope": scope,
                "purpose": {"en": "to greet you", "zh-CN": "问候您"},
                "legal_basis": {"en": "consent", "zh-CN": "同意"},
                "retention": {"en": "one day", "zh-CN": "一天"},
            }
            for scope in ("profile:read", "cards:issue", "notices:send")
        ],
        "events": ["grant.withdrawn"],
        "cards": [
            {
                "type": "tea-card",
                "title": {"en": "Tea card", "zh-CN": "茶卡"},
                "fields": [{"name": "holder_name", "label": {"en": "Holder", "zh-CN": "持卡人"}}],
                "disclose": {"desk": ["holder_name"]},
            }
        ],
        "notices": [
            {
                "id": "ready",
                "title": {"en": "Your tea is ready", "zh-CN": "茶好了"},
                "body": {"en": "{tea} waits at table {table}.", "zh-CN": "{tea}在{table}号桌。"},
            }
        ],
    },
}


@pytest.fixture
def manifest() -> dict[str, Any]:
    return copy.deepcopy(MANIFEST)


class TeaHouse(MiniApp):
    """Remembers what its handlers heard."""

    heard: list[Event]
    event_failures: int
    orders: list[str]


def tea_house() -> TeaHouse:
    app = TeaHouse(parse(copy.deepcopy(MANIFEST)))
    app.heard, app.event_failures, app.orders = [], 0, []
    app.store.schema("create table if not exists orders (id text primary key, sub text not null)")

    @app.page("/menu")
    async def menu(launch: Launch) -> dict[str, Any]:
        return {"title": f"Welcome, {launch.name}", "items": ["oolong"]}

    @app.post("/api/orders")
    async def order(launch: Launch, request: Request) -> dict[str, Any]:
        order_id = request.headers["idempotency-key"]

        def place(db: Any) -> None:
            db.execute("insert or ignore into orders values (?, ?)", (order_id, launch.sub))
            fields = {"holder_name": launch.name or ""}
            app.later.issue_card(db, launch.sub, "tea-card", key=f"card:{launch.sub}", number="1", fields=fields)
            tea = {"en": "Oolong", "zh-CN": "乌龙茶"}
            app.later.notify(db, launch.sub, "ready", key=f"ready:{order_id}", tea=tea, table="7")

        await app.store.write(place)
        return {"id": order_id}

    @app.get("/api/broken")
    async def broken(launch: Launch, request: Request) -> dict[str, Any]:
        raise ValueError("a secret detail")

    @app.get("/api/closed")
    async def closed(launch: Launch, request: Request) -> dict[str, Any]:
        raise Closed("We open at nine.")

    @app.on("grant.withdrawn")
    async def withdrawn(event: Event) -> None:
        if app.event_failures:
            app.event_failures -= 1
            raise RuntimeError("not now")
        app.heard.append(event)

    @app.job("count", cron="0 8 * * *", at_start=True)
    async def count(platform: Platform) -> None:
        app.orders.append(platform.app_id)

    return app


class Closed(Problem):
    """The tea house is closed."""

    code = "closed"
    status = 409


@pytest.fixture
def app() -> TeaHouse:
    return tea_house()


@pytest.fixture
async def city(app: TeaHouse) -> AsyncIterator[City]:
    async with City(app) as city:
        yield city

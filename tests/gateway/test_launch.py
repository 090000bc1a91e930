"""Opening a mini-app, telling it of withdrawn consent, its icon, and what is counted."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import orjson
import pytest
from banyan_sdk.signing import verify_event
from prometheus_client import REGISTRY

from app_server.authorization.redeeming import RedeemedCode, Redemption, redeem_all
from app_server.gateway.breaker import PROBE_LEASE
from app_server.gateway.figures import store
from app_server.gateway.gateway import gateway_of
from app_server.gateway.limits import Limits
from app_server.kernel.crypto import token_hash
from app_server.kernel.unit_of_work import execute, in_unit_of_work, settle
from app_server.registry import service
from app_server.registry.published import listings
from tests.city import City
from tests.gateway.neighbours import Neighbour, Visit, neighbour
from tests.gateway.test_proxy import sent
from tests.registry.listings import register

CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
SCOPE = {
    "purpose": {"en": "to print your name on the card", "zh-CN": "在借书证上显示您的姓名"},
    "legal_basis": {"en": "consent", "zh-CN": "同意"},
    "retention": {"en": "a year", "zh-CN": "一年"},
}


@dataclass
class Library:
    """A mini-app's back end that answers as it is told."""

    server: Neighbour
    launches: list[UUID] = field(default_factory=list)
    events: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    launch_answer: bytes = orjson.dumps({"code_challenge": CHALLENGE})
    launch_status: int = 200
    launch_delay: float = 0.0
    event_statuses: list[int] = field(default_factory=list)
    icon: tuple[str, bytes] = ("image/svg+xml", b"<svg/>")
    icon_asked_for: int = 0


@asynccontextmanager
async def library() -> AsyncIterator[Library]:
    async def behave(visit: Visit) -> None:
        while head := await visit.request():
            method, target, headers = sent(head)
            body = await visit.reader.readexactly(int(headers.get("content-length", 0)))
            status, media_type, answer = 404, "text/plain", b"none"
            if (method, target) == ("POST", "/.banyan/launch"):
                await asyncio.sleep(app.launch_delay)
                app.launches.append(UUID(orjson.loads(body)["launch_id"]))
                status, media_type, answer = app.launch_status, "application/json", app.launch_answer
            elif (method, target) == ("POST", "/.banyan/events"):
                app.events.append((headers, body))
                status, answer = app.event_statuses.pop(0) if app.event_statuses else 204, b""
            elif target == "/icon.svg":
                app.icon_asked_for += 1
                status = 200
                media_type, answer = app.icon
            length = b"" if status == 204 else b"Content-Length: %d\r\n" % len(answer)
            await visit.say(
                b"HTTP/1.1 %d X\r\nContent-Type: %b\r\n%b\r\n" % (status, media_type.encode(), length) + answer
            )

    async with neighbour(behave) as server:
        app = Library(server)
        yield app


async def test_a_resident_opens_a_mini_app_by_an_address_that_works_once(city: City) -> None:
    async with library() as app:
        await register(city, endpoint=app.server.endpoint)
        resident = await city.person()
        opened = await resident.post("/v1/miniapps/library/launch", headers={"accept-language": "en"})
        assert opened.status_code == 201, opened.text
        body = opened.json()
        assert body["app"] == {
            "app_id": "library",
            "name": "Fuzhou Library",
            "sector": "public",
            "sponsor": "Bureau of Culture",
        }
        assert [str(launch) for launch in app.launches] == [body["launch_id"]]
        address = urlsplit(body["url"])
        assert (address.scheme, address.netloc, address.path) == ("http", "library.localhost:8000", "/")
        parameters = parse_qs(address.query)
        assert parameters["banyan_launch"] == [body["launch_id"]]
        code = parameters["banyan_code"][0]

        redemption = Redemption(
            app_id="library",
            jti="assertion 1",
            assertion_expires_at=city.clock(),
            code_hash=token_hash(code),
            redirect_uri="http://library.localhost:8000/",
            code_challenge=CHALLENGE,
            refresh_hash=token_hash("br_1"),
            jkt=None,
            grant_jkt=None,
            grant_expires_at=city.clock(),
            at=city.clock(),
        )
        (redeemed,) = await redeem_all([redemption])
        assert isinstance(redeemed, RedeemedCode)
        assert (str(redeemed.resident_id), redeemed.launch_id) == (resident.id, app.launches[0])
        assert await redeem_all([replace(redemption, jti="assertion 2")]) == [None]


async def test_a_code_may_come_by_a_message_and_then_stands_in_no_address(city: City) -> None:
    async with library() as app:
        await register(city, endpoint=app.server.endpoint)
        resident = await city.person()
        opened = await resident.post("/v1/miniapps/library/launch", json={"response_mode": "web_message"})
        body = opened.json()
        assert parse_qs(urlsplit(body["url"]).query) == {"banyan_launch": [body["launch_id"]]}
        assert body["response"]["iss"] == city.settings.base_url
        assert body["response"]["code"] not in body["url"]
        (row,) = await city.rows("SELECT code_hash FROM core_launch_code")
        assert row["code_hash"] == token_hash(body["response"]["code"])
        refused = await resident.post("/v1/miniapps/library/launch", json={"response_mode": "fragment"})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/response_mode")


async def test_a_resident_is_asked_first_for_what_the_mini_app_needs(city: City) -> None:
    async with library() as app:
        await register(city, endpoint=app.server.endpoint, scopes=[{"scope": "profile:read", **SCOPE}])
        resident = await city.person()
        asked = await resident.post("/v1/miniapps/library/launch", headers={"accept-language": "zh-CN"})
        assert (asked.status_code, asked.json()["code"]) == (403, "consent_required")
        assert asked.json()["scopes"] == [
            {
                "scope": "profile:read",
                "purpose": "在借书证上显示您的姓名",
                "legal_basis": "同意",
                "retention": "一年",
                "required": True,
            }
        ]
        assert asked.json()["consent_url"] == "http://localhost:8000/consent?app_id=library"
        assert app.launches == []
        about = (await resident.get("/v1/miniapps/library")).json()
        assert [scope["granted"] for scope in about["scopes"]] == [False]
        await resident.post("/v1/consents", json={"app_id": "library", "scopes": ["profile:read"]})
        about = (await resident.get("/v1/miniapps/library")).json()
        assert [scope["granted"] for scope in about["scopes"]] == [True]
        assert about["complaints"]["phone"] == "12345"
        assert (await resident.post("/v1/miniapps/library/launch", json={})).status_code == 201


async def test_who_may_open_a_mini_app(city: City) -> None:
    async with library() as app:
        await register(city, endpoint=app.server.endpoint)
        resident, operator = await city.person(), await city.person("+8613800000009", roles=("operator",))
        async with city.browser() as nobody:
            path = "/v1/miniapps/library/launch"
            answers = [(await person.post(path)).status_code for person in (resident, operator, nobody)]
            assert answers == [201, 201, 401]
            assert (await nobody.get("/v1/miniapps/library")).status_code == 200
        assert (await resident.post("/v1/miniapps/nothing/launch")).json()["code"] == "miniapp_unknown"
        assert (await resident.get("/v1/miniapps/nothing")).json()["code"] == "miniapp_unknown"


@pytest.mark.parametrize(
    ("page", "target"),
    [("/loans", "/loans?"), ("/loans?book=7", "/loans?book=7&"), ("/%7Ex", "/~x?")],
)
async def test_a_launch_can_lead_to_a_page_inside(city: City, page: Any, target: Any) -> None:
    async with library() as app:
        await register(city, endpoint=app.server.endpoint)
        resident = await city.person()
        opened = await resident.post("/v1/miniapps/library/launch", json={"page": page})
        assert opened.json()["url"].startswith(f"http://library.localhost:8000{target}banyan_code=")


ELSEWHERE = [
    *("//evil.example", "https://evil.example", "/../x", "/a\\b", "/x#y", "/.banyan/session/x", "/x?banyan_code=1", ""),
    *("/?%62anyan_code=1", "/x?a=1&banyan%5Fcode=1"),  # as the page's script will read it
    *("/x?a=1&banyan_launch=2", "/\u00e9", "/x\r\nSet-Cookie: a", "@evil.example", "/" + "x" * 600, 7),
]


@pytest.mark.parametrize("page", ELSEWHERE)
async def test_a_launch_leads_nowhere_else(city: City, page: Any) -> None:
    async with library() as app:
        await register(city, endpoint=app.server.endpoint)
        resident = await city.person()
        refused = await resident.post("/v1/miniapps/library/launch", json={"page": page})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/page")
        assert app.launches == []


async def test_a_mini_app_that_does_not_play_its_part_is_told_as_unavailable(city: City) -> None:
    async with library() as app:
        await register(city, endpoint=app.server.endpoint)
        resident = await city.person()
        for status, answer in (
            (500, b"{}"),
            (302, b"{}"),
            (200, b"not json"),
            (200, b"{}"),
            (200, b'{"code_challenge": "short"}'),
            (200, b"x" * 300_000),
        ):
            app.launch_status, app.launch_answer = status, answer
            refused = await resident.post("/v1/miniapps/library/launch")
            assert (refused.status_code, refused.json()["code"]) == (503, "miniapp_unavailable")
        assert await city.rows("SELECT 1 FROM core_launch_code") == []
        app.launch_delay = 10
        began = time.monotonic()
        assert (await resident.post("/v1/miniapps/library/launch")).status_code == 503
        assert 1.5 < time.monotonic() - began < 6


async def test_a_suspended_mini_app_is_not_opened_and_the_reason_is_told(city: City) -> None:
    async with library() as app:
        await register(city, endpoint=app.server.endpoint)
        resident = await city.person()
        by = service.By(kind="operator", id="1")
        await service.suspend("library", reason="Wrong fees", by=by, clock=city.clock, redis=city.state["redis"])
        await listings(city.state).refresh()
        refused = await resident.post("/v1/miniapps/library/launch")
        assert (refused.status_code, refused.json()["code"], refused.json()["reason"]) == (
            503,
            "miniapp_suspended",
            "Wrong fees",
        )
        assert app.launches == []
        assert (await resident.get("/v1/miniapps")).json()["items"] == []
        assert (await resident.get("/v1/miniapps/library")).json()["open"] is False


async def test_the_mini_app_hears_of_withdrawn_consent_until_it_has_understood_and_always_the_same(city: City) -> None:
    async with library() as app:
        await register(
            city,
            endpoint=app.server.endpoint,
            scopes=[{"scope": "profile:read", **SCOPE}],
            events=["grant.withdrawn"],
        )
        resident = await city.person()
        given = await resident.post("/v1/consents", json={"app_id": "library", "scopes": ["profile:read"]})
        await resident.delete(f"/v1/consents/{given.json()['items'][0]['id']}")
        app.event_statuses = [500, 302, 204]
        for _ in range(3):
            await city.work()
            await city.execute("UPDATE core_job SET run_at = now() WHERE state = 'waiting'")
        await city.work()
        assert len(app.events) == 3
        public = city.state["keys"].gateway_key.public_key()
        ids = {verify_event(headers, body, keys=[public], now=int(time.time())) for headers, body in app.events}
        assert len(ids) == 1
        assert len({body for _, body in app.events}) == 1
        event = orjson.loads(app.events[0][1])
        assert (event["type"], event["data"]["scope"]) == ("grant.withdrawn", "profile:read")
        sub = city.state["keys"].pairwise("library", UUID(resident.id))
        assert event["data"]["sub"] == sub
        states = await city.rows("SELECT state FROM core_job WHERE name = 'deliver_app_event'")
        assert [row["state"] for row in states] == ["done"]


async def test_a_mini_app_that_did_not_subscribe_or_says_it_is_gone_is_left_in_peace(city: City) -> None:
    async with library() as app:
        for number, events in enumerate(([], ["grant.withdrawn"])):
            app_id = f"library-{number}"
            await register(
                city,
                app_id,
                endpoint=app.server.endpoint,
                scopes=[{"scope": "profile:read", **SCOPE}],
                events=events,
            )
        resident = await city.person()
        app.event_statuses = [410]
        for number in range(2):
            scopes = {"app_id": f"library-{number}", "scopes": ["profile:read"]}
            given = await resident.post("/v1/consents", json=scopes)
            await resident.delete(f"/v1/consents/{given.json()['items'][0]['id']}")
            await city.work()
        assert len(app.events) == 1
        states = await city.rows("SELECT state FROM core_job WHERE name = 'deliver_app_event'")
        assert [row["state"] for row in states] == ["dead"]


async def test_an_icon_comes_from_our_own_origin_and_cannot_act_there(city: City) -> None:
    async with library() as app:
        await register(city, endpoint=app.server.endpoint)
        async with city.browser() as browser:
            address = (await browser.get("/v1/miniapps")).json()["items"][0]["icon_url"]
            assert address.startswith("http://localhost:8000/v1/miniapps/library/icon?v=")
            icon = await browser.get(address)
            assert (icon.headers["content-type"], icon.content) == ("image/svg+xml", b"<svg/>")
            assert "sandbox" in icon.headers["content-security-policy"]
            app.icon = ("image/svg+xml", b"<svg>other</svg>")
            assert (await browser.get(address)).content == b"<svg/>"  # asked once for a version
            assert (await browser.get("/v1/miniapps/nothing/icon")).status_code == 404


@pytest.mark.parametrize(
    "icon", [("text/html", b"<script>"), ("image/svg+xml", b""), ("image/svg+xml", b"x" * 300_000)]
)
async def test_where_there_is_no_fit_icon_a_letter_stands_in(city: City, icon: Any) -> None:
    async with library() as app:
        app.icon = icon
        await register(city, endpoint=app.server.endpoint)
        async with city.browser() as browser:
            shown = await browser.get("/v1/miniapps/library/icon")
            assert shown.headers["content-type"] == "image/svg+xml"
            assert "福" in shown.text
            assert shown.headers["cache-control"] == "public, max-age=30"


async def test_a_mini_app_without_a_fit_icon_is_asked_again_after_half_a_minute(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with library() as app:
        good, app.icon = app.icon, ("text/html", b"none")
        await register(city, endpoint=app.server.endpoint)
        async with city.browser() as browser:
            for _ in range(5):
                assert "福" in (await browser.get("/v1/miniapps/library/icon")).text
            assert app.icon_asked_for == 1
            app.icon = good
            monkeypatch.setattr(time, "monotonic", lambda now=time.monotonic: now() + 31)
            shown = await browser.get("/v1/miniapps/library/icon")
            assert shown.content == b"<svg/>"
            assert shown.headers["cache-control"] == "public, max-age=86400"


async def test_the_last_icon_stands_in_where_a_new_version_has_none(city: City) -> None:
    async with library() as app:
        await register(city, endpoint=app.server.endpoint)
        async with city.browser() as browser:
            await browser.get("/v1/miniapps/library/icon")
            app.icon = ("text/html", b"none")
            await register(city, endpoint=app.server.endpoint, description={"en": "More books", "zh-CN": "更多书"})
            shown = await browser.get("/v1/miniapps/library/icon")
            assert shown.content == b"<svg/>"
            assert shown.headers["cache-control"] == "public, max-age=30"


async def test_the_operator_sees_the_calls_that_went_through_the_gateway(city: City) -> None:
    async with library() as app:
        await register(city, endpoint=app.server.endpoint)
        operator = await city.person("+8613800000009", roles=("operator",))
        async with city.browser() as browser:
            for path in ("/icon.svg", "/icon.svg", "/nothing"):
                await browser.get(f"http://library.localhost:8000{path}")
        gateway = gateway_of(city.state)
        await store(gateway)
        await store(gateway)
        shown = (await operator.get("/v1/operator/listings")).json()["items"][0]
        assert (shown["calls"], shown["errors"], sum(shown["spark"])) == (3, 0, 3)
        assert shown["p95_ms"] > 0
        assert REGISTRY.get_sample_value("banyan_miniapp_calls_total", {"app_id": "library"}) == 3
        assert REGISTRY.get_sample_value("banyan_miniapp_seconds_count", {"app_id": "library"}) == 3


async def test_what_could_not_be_stored_is_stored_later(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    async with library() as app:
        await register(city, endpoint=app.server.endpoint)
        gateway = gateway_of(city.state)
        async with city.browser() as browser:
            await browser.get("http://library.localhost:8000/icon.svg")

            async def away(minutes: object) -> None:
                raise ConnectionError

            with monkeypatch.context() as cut:
                cut.setattr("app_server.registry.usage.add", away)
                await store(gateway)
            await browser.get("http://library.localhost:8000/icon.svg")
            await store(gateway)
        rows = await city.rows("SELECT sum(calls)::int AS calls FROM registry_usage_minute")
        assert rows[0]["calls"] == 2


async def test_what_takes_too_long_to_store_is_counted_once_all_the_same(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked, may_go_on = asyncio.Event(), asyncio.Event()

    @in_unit_of_work
    async def hold() -> None:
        await execute("LOCK TABLE registry_usage_minute IN EXCLUSIVE MODE")
        locked.set()
        await may_go_on.wait()

    async with library() as app:
        await register(city, endpoint=app.server.endpoint)
        gateway = gateway_of(city.state)
        async with city.browser() as browser:
            await browser.get("http://library.localhost:8000/icon.svg")
        monkeypatch.setattr("app_server.registry.usage.PATIENCE", 0.2)
        holding = asyncio.create_task(hold())
        await locked.wait()
        await store(gateway)
        may_go_on.set()
        await holding
        await settle(5)
        await store(gateway)
        ((calls,),) = await city.rows("SELECT sum(calls)::int FROM registry_usage_minute")
        assert calls == 1


async def test_a_suspension_reaches_an_open_page_as_a_kind_page(city: City) -> None:
    async with library() as app:
        await register(city, endpoint=app.server.endpoint)
        operator = await city.person("+8613800000009", roles=("operator",))
        async with city.browser(accept="text/html") as browser:
            assert (await browser.get("http://library.localhost:8000/icon.svg")).status_code == 200
            await operator.post("/v1/operator/listings/library/suspension", json={"reason": "Wrong fees"})
            page = await answered(browser, "http://library.localhost:8000/", 503)
            assert "Wrong fees" in page
            await operator.post("/v1/operator/listings/library/lift", json={"reason": "Mended"})
            await answered(browser, "http://library.localhost:8000/icon.svg", 200)


async def answered(browser: Any, address: str, status: int) -> str:
    """What the address says once it answers with that status, within the five seconds that are promised."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        if (answer := await browser.get(address)).status_code == status:
            return str(answer.text)
        await asyncio.sleep(0.05)
    raise AssertionError(f"{address} did not answer {status} in time")


def test_the_breaker_remembers_a_probe_for_longer_than_a_call_may_take() -> None:
    assert Limits().whole + Limits().patience < PROBE_LEASE

"""A resident opens a mini-app, and nobody else gets in."""

import json
import logging
import time
from typing import Any
from uuid import UUID, uuid4

import pytest
from conftest import TeaHouse, tea_house
from starlette.requests import Request
from starlette.types import Message, Scope

from banyan_sdk import Launch
from banyan_sdk.keys import AppKey
from banyan_sdk.testing import City


async def test_a_resident_is_known_by_name_and_language_after_the_launch(city: City) -> None:
    visit = await city.open(city.resident("林晓燕", locale="zh-CN"))
    assert (visit.session.name, visit.session.locale) == ("林晓燕", "zh-CN")
    assert (await visit.get("/menu")).json() == {"title": "Welcome, 林晓燕", "items": ["oolong"]}


async def test_a_resident_who_keeps_her_name_is_served_without_it(city: City) -> None:
    visit = await city.open(city.resident("林晓燕", locale="en", grants=set()))
    assert (visit.session.name, visit.session.locale) == (None, "en")


async def test_a_launch_code_opens_once(city: City) -> None:
    code, launch_id = await city.launch(city.resident())
    body = json.dumps({"code": code, "launch_id": str(launch_id)}).encode()
    assert (await city.send("POST", "/.banyan/session", content=body)).status_code == 200
    again = await city.send("POST", "/.banyan/session", content=body)
    assert (again.status_code, again.json()["code"]) == (403, "launch_refused")


async def test_a_stolen_code_does_not_open_under_another_launch(city: City) -> None:
    code, _ = await city.launch(city.resident())
    body = json.dumps({"code": code, "launch_id": str(uuid4())}).encode()
    assert (await city.send("POST", "/.banyan/session", content=body)).status_code == 403


async def test_a_stranger_without_the_platforms_signature_gets_nothing(city: City) -> None:
    for path in ("/", "/menu", "/api/orders", "/.banyan/bridge.js"):
        reply = await city.http.get(path)
        assert (reply.status_code, reply.json()["code"]) == (401, "not_from_the_platform"), path
    assert (await city.http.get("/.banyan/health")).json() == {"app_id": "tea-house", "version": 1}


async def test_a_signature_is_good_for_its_own_request_only(city: City) -> None:
    signed = city.platform.signed("GET", "/", "a=1")
    assert (await city.http.get("/?a=1", headers=signed)).status_code != 401
    assert (await city.http.get("/?a=2", headers=signed)).status_code == 401
    assert (await city.http.get("/menu?a=1", headers=signed)).status_code == 401
    assert (await city.http.post("/?a=1", headers=signed)).status_code == 401
    assert (await city.http.get("/?a=1", headers=signed | {"banyan-app": "other"})).status_code == 401


async def test_a_launch_call_whose_body_is_not_signed_is_refused(city: City) -> None:
    body = json.dumps({"launch_id": str(uuid4())}).encode()
    unsigned = await city.http.post(
        "/.banyan/launch", content=body, headers=city.platform.signed("POST", "/.banyan/launch")
    )
    assert unsigned.status_code == 401
    signed = city.platform.signed("POST", "/.banyan/launch", body=body)
    other = json.dumps({"launch_id": str(uuid4())}).encode()
    assert (await city.http.post("/.banyan/launch", content=other, headers=signed)).status_code == 401
    assert (await city.http.post("/.banyan/launch", content=body, headers=signed)).status_code == 200


async def test_a_page_is_for_residents_with_a_session_of_this_app(city: City) -> None:
    forged = AppKey.generate().seal_session({"sub": "x", "exp": time.time() + 60})
    for session in ("", "nonsense", forged):
        reply = await city.send("GET", "/menu", headers={"authorization": f"Bearer {session}"})
        assert (reply.status_code, reply.json()["code"]) == (401, "session_needed")


async def test_sessions_survive_a_restart_because_they_are_only_sealed(city: City, app: TeaHouse) -> None:
    key = AppKey.generate()
    sealed = key.seal_session({"sub": "a", "name": "林"})
    again = AppKey.from_jwk(key.private_jwk())
    assert again.open_session(sealed) == {"sub": "a", "name": "林"}
    assert again.open_session(sealed[:-4] + "AAAA") is None
    launch = uuid4()
    assert again.code_verifier(launch) == key.code_verifier(launch)
    assert again.code_verifier(launch) != key.code_verifier(uuid4())


async def test_after_a_withdrawal_old_sessions_are_over(city: City) -> None:
    lin = city.resident()
    visit = await city.open(lin)
    assert (await visit.get("/menu")).status_code == 200
    await city.withdraw(lin, "profile:read")
    assert (await visit.get("/menu")).status_code == 401
    assert (await (await city.open(lin)).get("/menu")).json()["title"] == "Welcome, None"


async def test_a_withdrawal_while_the_mini_app_opens_ends_the_session_too(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    lin = city.resident()
    exchange, clock = city.app.platform.exchange, time.time

    async def slow_exchange(code: str, launch_id: UUID) -> Any:
        given = await exchange(code, launch_id)
        await city.withdraw(lin, "profile:read")
        monkeypatch.setattr(time, "time", lambda: clock() + 2)
        return given

    monkeypatch.setattr(city.app.platform, "exchange", slow_exchange)
    assert (await (await city.open(lin)).get("/menu")).status_code == 401


async def test_problems_are_told_in_one_form(city: City, caplog: pytest.LogCaptureFixture) -> None:
    visit = await city.open(city.resident())
    closed = await visit.get("/api/closed")
    assert closed.headers["content-type"] == "application/problem+json"
    assert closed.status_code == 409
    assert closed.json()["title"] == "The tea house is closed."
    assert closed.json()["detail"] == "We open at nine."
    with caplog.at_level(logging.ERROR):
        broken = await visit.get("/api/broken")
    assert (broken.status_code, broken.json()["code"]) == (500, "internal_error")
    assert "secret" not in broken.text
    assert broken.json()["request_id"] in caplog.text
    assert (await visit.get("/nowhere")).json()["code"] == "not_found"
    assert (await visit.post("/menu")).json()["code"] == "method_not_allowed"


async def test_a_mistake_is_pointed_at_whatever_its_name(city: City) -> None:
    body = json.dumps({"code": "x", "launch_id": str(uuid4()), "a/b~c": 1}).encode()
    refused = await city.send("POST", "/.banyan/session", content=body)
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/a~1b~0c"]


async def test_the_platform_may_change_its_keys(city: City) -> None:
    await city.open(city.resident())
    renewed = City(tea_house()).platform
    city.platform._signing, city.platform._issuing = renewed._signing, renewed._issuing
    city.app.platform.keys._looked = float("-inf")  # as if some seconds had passed
    assert (await city.open(city.resident())).session.name == "林晓燕"


async def test_when_the_platform_is_away_visitors_hear_so(city: City) -> None:
    code, launch_id = await city.launch(city.resident())
    city.platform.away = True
    body = json.dumps({"code": code, "launch_id": str(launch_id)}).encode()
    reply = await city.send("POST", "/.banyan/session", content=body)
    assert (reply.status_code, reply.json()["code"]) == (503, "platform_unavailable")


def test_mistakes_in_the_code_are_told_when_it_is_written(app: TeaHouse) -> None:
    with pytest.raises(ValueError, match="not in the manifest"):
        app.page("/nowhere")
    with pytest.raises(ValueError, match="does not exist"):
        app.on("moon.rose")
    with pytest.raises(ValueError, match="five cron fields"):
        app.job("never", cron="every day")

    async def again(launch: Launch) -> dict[str, object]:
        return {}

    def slow(launch: Launch, request: Request) -> None:
        return None

    with pytest.raises(ValueError, match="two handlers"):
        app.page("/menu")(again)
    with pytest.raises(TypeError, match="async def"):
        app.get("/api/slow")(slow)  # type: ignore[arg-type]


async def test_a_caller_who_leaves_in_the_middle_of_sending_is_nobodys_fault(
    city: City, caplog: pytest.LogCaptureFixture
) -> None:
    left: list[Message] = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return left.pop(0)

    async def send(message: Message) -> None:
        """Nobody hears it."""

    signed = city.platform.signed("POST", "/.banyan/session")
    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": "/.banyan/session",
        "raw_path": b"/.banyan/session",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in signed.items()],
    }
    await city.app(scope, receive, send)
    assert left == []
    assert caplog.records == []

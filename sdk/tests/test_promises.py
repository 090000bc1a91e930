"""What the platform was promised happens once, whatever fails in between."""

import asyncio
from pathlib import Path

import httpx2
import pytest
from conftest import TeaHouse, tea_house

from banyan_sdk.client import Platform, PlatformRefused, PlatformUnreachable
from banyan_sdk.keys import AppKey
from banyan_sdk.testing import City


async def test_an_order_brings_a_card_and_a_notice_in_the_residents_language(city: City) -> None:
    lin, amy = city.resident(locale="zh-CN"), city.resident("Amy", locale="en")
    await (await city.open(lin)).post("/api/orders", key="one")
    await (await city.open(amy)).post("/api/orders", key="two")
    await city.settled()
    assert city.platform.notices_of(lin) == [("茶好了", "乌龙茶在7号桌。")]
    assert city.platform.notices_of(amy) == [("Your tea is ready", "Oolong waits at table 7.")]
    assert [card["fields"] for card in city.platform.cards_of(amy)] == [{"holder_name": "Amy"}]


async def test_a_lost_answer_does_not_double_anything(city: City) -> None:
    lin = city.resident()
    visit = await city.open(lin)
    city.platform.forgets_answers = 3
    await visit.post("/api/orders", key="one")
    await city.settled()
    assert city.platform.writes == 2 + 3
    assert len(city.platform.notices_of(lin)) == 1
    assert len(city.platform.cards_of(lin)) == 1


async def test_a_launch_goes_on_when_its_tokens_were_lost_once(city: City) -> None:
    city.platform.forgets_tokens = 1
    visit = await city.open(city.resident())
    assert (await visit.post("/api/orders", key="one")).status_code == 200


async def test_orders_go_on_while_the_platform_is_away(city: City) -> None:
    lin = city.resident()
    visit = await city.open(lin)
    city.platform.away = True
    for key in ("one", "two", "two"):
        assert (await visit.post("/api/orders", key=key)).status_code == 200
    assert await city.app.later.waiting() == 3
    city.platform.away = False
    await city.settled()
    assert len(city.platform.notices_of(lin)) == 2


async def test_what_was_promised_while_the_mini_app_is_paused_is_done_after_the_lift(
    city: City, caplog: pytest.LogCaptureFixture
) -> None:
    lin = city.resident()
    visit = await city.open(lin)
    city.platform.suspended = True
    await visit.post("/api/orders", key="one")
    with pytest.raises(TimeoutError):
        await city.settled(within=0.3)
    assert "the mini-app is paused" in caplog.text
    assert await city.app.later.waiting() == 2
    city.platform.suspended = False
    await city.settled()
    assert len(city.platform.cards_of(lin)) == 1
    assert len(city.platform.notices_of(lin)) == 1


@pytest.mark.parametrize(
    ("token_status", "token_answer"),
    [
        (401, {"error": "invalid_client"}),
        (400, {"error": "invalid_scope"}),
        (200, {"access_token": "x", "token_type": "Bearer", "expires_in": 600, "scope": ""}),
    ],
)
async def test_a_platform_that_does_not_know_us_has_not_refused_the_call(
    token_status: int, token_answer: dict[str, object]
) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/oauth/token":
            return httpx2.Response(token_status, json=token_answer)
        return httpx2.Response(401, json={"code": "sign_in_required"})

    platform = Platform(
        base_url="http://city.test",
        app_id="tea-house",
        origin="http://tea-house.city.test",
        key=AppKey.generate(),
        scopes=[],
        transport=httpx2.MockTransport(answer),
    )
    with pytest.raises(PlatformUnreachable) as away:
        await platform.send("POST", "/v1/cards", b"{}", key="one")
    assert not away.value.only_this_call
    await platform.close()


async def test_a_resident_who_was_told_enough_keeps_nobody_else_waiting(city: City) -> None:
    lin, amy = city.resident(), city.resident("Amy")
    visits = {resident.sub: await city.open(resident) for resident in (lin, amy)}
    city.platform.told_enough = lin.sub
    await visits[lin.sub].post("/api/orders", key="one")
    await visits[amy.sub].post("/api/orders", key="two")
    for _ in range(250):
        if await city.app.later.waiting() > 2:
            await asyncio.sleep(0.02)
    assert len(city.platform.notices_of(amy)) == 1
    assert city.platform.notices_of(lin) == []


async def test_a_promise_survives_a_restart(tmp_path: Path) -> None:
    key = AppKey.generate()
    async with City(tea_house(), data=tmp_path, key=key) as before:
        lin = before.resident()
        visit = await before.open(lin)
        before.platform.away = True
        await visit.post("/api/orders", key="one")
    app = tea_house()
    after = City(app, data=tmp_path, key=key)
    after.platform.residents[lin.sub] = lin
    async with after:
        await after.settled()
        assert after.platform.notices_of(lin) == [("茶好了", "乌龙茶在7号桌。")]


async def test_a_withdrawn_grant_ends_the_promise_and_holds_up_nobody(city: City) -> None:
    lin, chen = city.resident(), city.resident("陈明")
    visit = await city.open(lin)
    lin.grants.discard("cards:issue")
    await visit.post("/api/orders", key="one")
    await (await city.open(chen)).post("/api/orders", key="two")
    await city.settled()
    assert city.platform.cards_of(lin) == []
    assert len(city.platform.notices_of(lin)) == 1
    assert len(city.platform.cards_of(chen)) == 1


async def test_what_was_sent_is_forgotten(city: City) -> None:
    await (await city.open(city.resident("林晓燕"))).post("/api/orders", key="one")
    await city.settled()
    kept = await city.app.store.read(
        lambda db: [tuple(row) for row in db.execute("select state, body from banyan_calls")]
    )
    assert kept == [("sent", None), ("sent", None)]


async def test_an_order_that_fails_promises_nothing(city: City) -> None:
    lin = city.resident()

    def half(db: object) -> None:
        city.app.later.notify(db, lin.sub, "ready", key="half", tea="x", table="1")  # type: ignore[arg-type]
        raise RuntimeError("the kettle broke")

    with pytest.raises(RuntimeError):
        await city.app.store.write(half)
    assert await city.app.later.waiting() == 0


async def test_direct_calls_try_again_and_tell_a_no_from_a_silence(city: City) -> None:
    lin = city.resident()
    city.platform.forgets_answers = 1
    issued = await city.app.platform.issue_card(lin.sub, "tea-card", key="k", number="1", fields={"holder_name": "林"})
    assert list(city.platform.cards) == [issued.id]
    with pytest.raises(PlatformRefused) as refused:
        await city.app.platform.notify("nobody", "ready", key="n", tea="x", table="1")
    assert refused.value.code == "consent_missing"
    city.platform.away = True
    with pytest.raises(PlatformUnreachable):
        await city.app.platform.notify(lin.sub, "ready", key="m", tea="x", table="1")


async def test_a_forgotten_token_is_renewed_without_a_word(city: City) -> None:
    lin = city.resident()
    await city.app.platform.notify(lin.sub, "ready", key="a", tea="x", table="1")
    city.platform.forget_tokens()
    await city.app.platform.notify(lin.sub, "ready", key="b", tea="x", table="1")
    assert len(city.platform.notices_of(lin)) == 2


async def test_an_event_is_heard_once_however_often_it_comes(city: City, app: TeaHouse) -> None:
    data: dict[str, object] = {"sub": "someone", "scope": "profile:read"}
    for _ in range(3):
        assert (await city.tell("grant.withdrawn", data, "evt_1")).status_code == 204
    await city.settled()
    assert [event.id for event in app.heard] == ["evt_1"]


async def test_an_event_whose_handler_fails_is_tried_again(
    city: City, app: TeaHouse, caplog: pytest.LogCaptureFixture
) -> None:
    app.event_failures = 1
    assert (await city.tell("grant.withdrawn", {"sub": "x", "scope": "profile:read"})).status_code == 204
    await city.settled()
    assert len(app.heard) == 1
    assert "runs again in 1 s" in caplog.text


async def test_an_acknowledged_event_survives_a_crash(tmp_path: Path) -> None:
    key = AppKey.generate()
    crashed = tea_house()
    crashed.event_failures = 100
    async with City(crashed, data=tmp_path, key=key) as city:
        visit = await city.open(lin := city.resident())
        await city.withdraw(lin, "profile:read")
        sealed = visit.session.session
    app = tea_house()
    async with City(app, data=tmp_path, key=key) as city:
        await city.settled()
        assert [event.data["sub"] for event in app.heard] == [lin.sub]
        reply = await city.send("GET", "/menu", headers={"authorization": f"Bearer {sealed}"})
        assert reply.status_code == 401, "the withdrawal is remembered over the restart"


async def test_a_withdrawal_ends_the_session_in_every_process_with_the_same_file(tmp_path: Path) -> None:
    key = AppKey.generate()
    async with City(tea_house(), data=tmp_path, key=key) as one, City(tea_house(), data=tmp_path, key=key) as other:
        visit = await one.open(lin := one.resident())
        headers = {"authorization": f"Bearer {visit.session.session}"}
        assert (await other.send("GET", "/menu", headers=headers)).status_code == 200
        await one.withdraw(lin, "profile:read")
        assert (await other.send("GET", "/menu", headers=headers)).status_code == 401


async def test_a_forged_or_changed_event_is_refused(city: City, app: TeaHouse) -> None:
    headers, body = city.platform.event("grant.withdrawn", {"sub": "x", "scope": "profile:read"})
    changed = body.replace(b'"x"', b'"y"')
    old = headers | {"webhook-timestamp": "1"}
    for sent, given in ((changed, headers), (body, old), (body, {})):
        signed = city.platform.signed("POST", "/.banyan/events", body=sent)
        reply = await city.http.post("/.banyan/events", content=sent, headers=given | signed)
        assert reply.status_code == 401
    assert app.heard == []


async def test_an_event_that_was_sent_to_another_mini_app_is_not_played_back_here(city: City, app: TeaHouse) -> None:
    headers, body = city.platform.event("grant.withdrawn", {"sub": "x", "scope": "profile:read"})
    assert (await city.http.post("/.banyan/events", content=body, headers=headers)).status_code == 401
    city.platform.manifest = city.platform.manifest.model_copy(update={"app_id": "other"})
    signed = city.platform.signed("POST", "/.banyan/events", body=body)
    reply = await city.http.post("/.banyan/events", content=body, headers=headers | signed)
    assert (reply.status_code, reply.json()["detail"]) == (401, "The request is meant for another mini-app.")


async def test_a_job_with_at_start_runs_when_the_app_starts(city: City, app: TeaHouse) -> None:
    async with asyncio.timeout(2):
        while not app.orders:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert app.orders == ["tea-house"]


async def test_a_mini_app_may_be_started_again(app: TeaHouse, tmp_path: Path) -> None:
    for _ in range(2):
        async with City(app, data=tmp_path) as city:
            await (await city.open(city.resident())).post("/api/orders")
            await city.settled()
    with pytest.raises(RuntimeError, match="before it has started"):
        await app.later.waiting()


async def test_its_file_is_nobody_elses_to_read(app: TeaHouse, tmp_path: Path) -> None:
    async with City(app, data=tmp_path):
        assert (tmp_path / "tea-house.sqlite").stat().st_mode & 0o077 == 0
        pragmas = await app.store.read(
            lambda db: [db.execute(f"pragma {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
        )
        assert pragmas == ["wal", 2]

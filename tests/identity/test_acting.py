"""Acting for another: the routes that are open for it, what both see of it, and how fast it is over."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from app_server import wiring
from app_server.identity.locks import lock_resident
from app_server.identity.sessions import Sessions
from app_server.kernel.access import Access, Resident
from tests.actors import Person
from tests.city import City
from tests.factories import publish
from tests.identity.test_mandates import CHEN, LIN, accepted

HERE = {"accept": "text/html", "accept-language": "en"}


@pytest.fixture
async def lin(city: City) -> Person:
    """The one acted for."""
    return await city.person(LIN, "林依婷")


@pytest.fixture
async def chen(city: City) -> Person:
    """The one who acts."""
    return await city.person(CHEN, "陈建国")


def browser_of(person: Person) -> httpx2.AsyncClient:
    """The person's browser, with its cookie."""
    http = person.city.browser(**HERE, origin=person.city.settings.base_url)
    http.cookies.set("banyan_session", person.cookie)
    return http


async def switch(http: httpx2.AsyncClient, mandate_id: str | None) -> httpx2.Response:
    """The one tap: to act under the mandate, or as oneself again."""
    form = f"mandate_id={mandate_id}" if mandate_id else ""
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return await http.post("/mandates/acting", content=form, headers=headers)


async def who(http: httpx2.AsyncClient) -> Any:
    """As whom one is here."""
    answer = await http.get("/v1/me", headers={"accept": "application/json"})
    return answer.json().get("id", answer.json().get("code"))


async def until(http: httpx2.AsyncClient, expected: str) -> None:
    """Another process hears of an end within seconds; so does this one of what it did not end itself."""
    for _ in range(50):
        if await who(http) == expected:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"still not {expected} after five seconds")


async def test_one_tap_there_and_one_back(city: City, lin: Person, chen: Person) -> None:
    mandate_id = await accepted(lin, chen)
    async with browser_of(chen) as http:
        assert await who(http) == chen.id
        assert "You act for" not in (await http.get("/")).text
        assert (await switch(http, mandate_id)).headers["location"] == "/"
        told = (await http.get("/v1/me")).json()
        assert (told["id"], told["acting"]["name"], told["acting"]["may_act"]) == (lin.id, "陈建国", True)
        assert "You act for 林依婷" in (await http.get("/")).text
        await switch(http, None)
        assert await who(http) == chen.id
        assert "banyan_acting" not in http.cookies
    rows = await city.rows("SELECT action FROM core_audit_entry WHERE action = 'mandate.used'")
    assert len(rows) == 1


async def test_from_one_to_another_in_one_tap(city: City, lin: Person, chen: Person) -> None:
    wang = await city.person("+8613800000003", "王珊")
    first, second = await accepted(lin, chen), await accepted(wang, chen)
    async with browser_of(chen) as http:
        await switch(http, first)
        await switch(http, second)
        assert await who(http) == wang.id
    rows = await city.rows("SELECT 1 FROM core_session WHERE mandate_id IS NOT NULL AND ended_at IS NULL")
    assert len(rows) == 1


async def test_nobody_acts_under_what_is_not_theirs_not_begun_or_over(city: City, lin: Person, chen: Person) -> None:
    tomorrow = (city.clock() + timedelta(days=2)).date().isoformat()
    not_begun, over = await accepted(lin, chen, starts_on=tomorrow), await accepted(lin, chen)
    good = await accepted(lin, chen)
    await chen.delete(f"/v1/mandates/{over}")
    async with browser_of(lin) as hers, browser_of(chen) as his:
        for http, mandate_id in ((hers, good), (his, not_begun), (his, over)):
            assert (await switch(http, mandate_id)).status_code == 409
            assert "banyan_acting" not in http.cookies
        assert (await switch(his, "x")).status_code == 404
        assert (await switch(his, lin.id)).status_code == 409


async def test_every_route_but_the_declared_ones_is_closed_to_who_acts_for_another(
    city: City, lin: Person, chen: Person
) -> None:
    """`on_behalf` is the only way in; and what is open is this list, and nothing else."""
    mandate_id = await accepted(lin, chen)
    async with browser_of(chen) as http:
        await switch(http, mandate_id)
        wrong, opened = [], set()
        for route in wiring.routes(city.settings):
            declared: Access = route.endpoint.__access__  # type: ignore[attr-defined]
            if Resident not in declared.kinds:
                continue
            if declared.on_behalf is not None:
                opened.add(f"{route.method} {route.path}")
                continue
            path = re.sub(r"\{\w+:uuid\}", lin.id, route.path)
            path = path.replace("{app_id}", "library").replace("{name}", "x").replace("{code}", "x")
            answer = await http.request(route.method, path, headers={"idempotency-key": "k", "accept": "*/*"})
            if answer.status_code != 403 or answer.json()["code"] != "not_on_behalf":
                wrong.append(f"{route.method} {path}: {answer.status_code}")
    assert wrong == []
    assert opened == OPEN


OPEN = {
    *("GET /", "GET /cards", "GET /cards/{card_id}", "GET /code", "GET /inbox", "GET /apps/{app_id}"),
    *("GET /me", "GET /me/profile", "GET /me/ledger", "GET /me/consents", "GET /me/sessions"),
    *("GET /sign-out", "POST /sign-out", "DELETE /v1/sign-in/sessions/current", "POST /mandates/acting"),
    *("GET /v1/me", "GET /v1/miniapps", "GET /v1/miniapps/{app_id}", "POST /v1/miniapps/{app_id}/launch"),
    *("GET /consent", "POST /consent", "POST /v1/consents", "GET /v1/consents"),
    "DELETE /v1/consents/{consent_id:uuid}",
    *("GET /v1/cards", "GET /v1/cards/{id:uuid}", "GET /v1/cards/{id:uuid}/code", "GET /v1/cards/{id:uuid}/code.svg"),
    *("GET /v1/inbox", "GET /v1/inbox/stream", "POST /v1/inbox/read", "POST /v1/inbox/{id:uuid}/read"),
    "GET /v1/ledger",
}


async def test_what_is_done_stands_in_the_ledger_of_the_one_and_both_read_it(
    city: City, lin: Person, chen: Person
) -> None:
    mandate_id = await accepted(lin, chen)
    async with browser_of(chen) as http:
        await switch(http, mandate_id)
        for _ in range(3):
            assert (await http.get("/v1/cards")).status_code == 200
        await http.post("/v1/inbox/read", json={"up_to": 0})
        await http.post("/v1/inbox/read", json={"up_to": 0})
    for person in (lin, chen):
        uses = (await person.get(f"/v1/mandates/{mandate_id}/uses")).json()["items"]
        assert [use["what"] for use in uses] == [["inbox_read"], ["inbox_read"], ["cards"]]
        assert {use["who"] for use in uses} == {"陈建国"}
    looks = (await lin.get("/v1/ledger")).json()["items"]
    assert [(look["who"]["kind"], look["who"]["name"]) for look in looks] == [("agent", "陈建国")] * 3
    assert (await chen.get("/v1/ledger")).json()["items"] == []
    stranger = await city.person("+8613800000003")
    assert (await stranger.get(f"/v1/mandates/{mandate_id}/uses")).status_code == 404


async def test_nothing_is_shown_while_the_book_cannot_be_written(
    city: City, lin: Person, chen: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    mandate_id = await accepted(lin, chen)
    async with browser_of(chen) as http:
        await switch(http, mandate_id)

        async def broken(**_: object) -> None:
            raise ConnectionError

        monkeypatch.setattr(city.state["ports"].ledger, "record_look", broken)
        assert (await http.get("/v1/cards")).status_code == 503


async def test_who_may_look_cannot_act_and_some_services_are_not_all(city: City, lin: Person, chen: Person) -> None:
    await publish(city)
    looks = await accepted(lin, chen, reach="look")
    library = await accepted(lin, chen, reach="act", app_ids=["library"])
    async with browser_of(chen) as http:
        await switch(http, looks)
        assert (await http.get("/v1/cards")).status_code == 200
        for path, body in (
            ("/v1/inbox/read", {"up_to": 0}),
            ("/v1/miniapps/library/launch", {}),
            ("/v1/consents", {"app_id": "library", "scopes": []}),
        ):
            assert (await http.post(path, json=body)).json()["code"] == "mandate_too_narrow"
        await switch(http, library)
        for path in ("/v1/cards", "/v1/inbox", "/v1/ledger", "/v1/consents"):
            assert (await http.get(path)).json()["code"] == "mandate_too_narrow"
        assert (await http.post("/v1/miniapps/pool/launch")).json()["code"] == "mandate_too_narrow"
        assert (await http.post("/v1/miniapps/library/launch")).json()["code"] == "consent_required"
        given = await http.post("/v1/consents", json={"app_id": "library", "scopes": ["profile:read"]})
        assert given.status_code == 201
    (row,) = await city.rows("SELECT resident_id FROM core_consent")
    assert str(row["resident_id"]) == lin.id, "what is allowed is the represented person's"


@pytest.mark.parametrize("ending", ["principal", "agent", "lock agent", "lock principal", "sign out", "time"])
async def test_whatever_ends_it_ends_what_is_open(city: City, lin: Person, chen: Person, ending: str) -> None:
    mandate_id = await accepted(lin, chen)
    async with browser_of(chen) as http, browser_of(chen) as another:
        await switch(http, mandate_id)
        assert await who(http) == lin.id
        if ending in ("principal", "agent"):
            person = lin if ending == "principal" else chen
            await person.delete(f"/v1/mandates/{mandate_id}")
            assert await who(http) == "acting_over"
            assert await who(http) == chen.id, "told once; from then on oneself"
        elif ending == "sign out":
            await another.delete("/v1/sign-in/sessions/current")
            await until(http, "acting_over")
            assert await who(http) == "sign_in_required"
        elif ending == "time":
            city.clock.ahead += timedelta(hours=13)
            await until(http, "acting_over")
        else:
            locked = chen if ending == "lock agent" else lin
            await lock_resident(locked.id, reason="stolen", by="test", now=city.clock())  # type: ignore[arg-type]
            await until(http, "acting_over")
            assert await who(http) == ("sign_in_required" if ending == "lock agent" else chen.id)


async def test_a_page_is_told_where_acting_is_over_and_what_was_meant_for_another_is_not_done(
    city: City, lin: Person, chen: Person
) -> None:
    mandate_id = await accepted(lin, chen)
    async with browser_of(chen) as http:
        await switch(http, mandate_id)
        await lin.delete(f"/v1/mandates/{mandate_id}")
        page = await http.get("/cards")
        assert page.status_code == 403
        assert "you are yourself again" in page.text
        assert (await http.get("/cards")).status_code == 200


async def test_a_window_that_was_drawn_for_another_is_told_of_the_change(city: City, lin: Person, chen: Person) -> None:
    mandate_id = await accepted(lin, chen)
    async with browser_of(chen) as http:
        before = {"banyan-acting": "self"}
        assert (await http.get("/v1/cards", headers=before)).status_code == 200
        await switch(http, mandate_id)
        assert (await http.get("/v1/cards", headers=before)).json()["code"] == "acting_changed"
        assert (await http.get("/v1/cards", headers={"banyan-acting": mandate_id})).status_code == 200


async def test_who_signs_in_anew_is_themselves(city: City, lin: Person, chen: Person) -> None:
    mandate_id = await accepted(lin, chen)
    await city.forget_limits()
    async with browser_of(chen) as http:
        await switch(http, mandate_id)
        sent = await http.post("/v1/sign-in/challenges", json={"phone": CHEN})
        answer = {"challenge_id": sent.json()["challenge_id"], "code": await city.last_code(CHEN)}
        await http.post("/v1/sign-in/sessions", json=answer)
        assert await who(http) == chen.id


async def test_beginning_while_it_ends_leaves_nothing_open(city: City, lin: Person, chen: Person) -> None:
    for _ in range(10):
        mandate_id = await accepted(lin, chen)
        async with browser_of(chen) as http:
            await asyncio.gather(switch(http, mandate_id), lin.delete(f"/v1/mandates/{mandate_id}"))
        open_still = await city.rows(
            "SELECT 1 FROM core_session WHERE mandate_id = $1::uuid AND ended_at IS NULL", mandate_id
        )
        assert open_still == []


async def test_her_list_of_devices_has_her_own_alone(city: City, lin: Person, chen: Person) -> None:
    mandate_id = await accepted(lin, chen)
    async with browser_of(chen) as http:
        await switch(http, mandate_id)
    assert len((await lin.get("/v1/sessions")).json()["items"]) == 1


@pytest.mark.parametrize("ending", ["mandate", "sign out", "time"])
async def test_another_process_hears_of_the_end_within_seconds(
    city: City, lin: Person, chen: Person, ending: str
) -> None:
    mandate_id = await accepted(lin, chen)
    elsewhere = Sessions(city.state)  # what another process knows
    watching = asyncio.create_task(elsewhere.watch())
    async with browser_of(chen) as http:
        await switch(http, mandate_id)
        token = http.cookies["banyan_acting"]
    seen = await elsewhere.resolve(token)
    assert seen is not None
    assert str(seen.id) == lin.id
    if ending == "mandate":
        await lin.delete(f"/v1/mandates/{mandate_id}")
    elif ending == "sign out":
        await chen.delete("/v1/sign-in/sessions/current")
    else:
        await city.execute("UPDATE core_session SET expires_at = now() WHERE id = $1", seen.session_id)
    for _ in range(50):
        if elsewhere.has_ended(seen.session_id):
            break
        await asyncio.sleep(0.1)
    watching.cancel()
    assert elsewhere.has_ended(seen.session_id)
    assert await elsewhere.resolve(token) is None

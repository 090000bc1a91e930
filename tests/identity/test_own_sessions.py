"""A resident sees where they are signed in, names it, ends it, and hears of a device that they do not know."""

from datetime import timedelta

import httpx2
import pytest

from app_server.identity.forgetting import forget_old_sessions
from app_server.kernel.ids import uuid7
from app_server.kernel.settings import Settings
from tests.actors import Person
from tests.city import City, open_city
from tests.identity.test_forgetting import count
from tests.identity.test_refresh import renewed

LIN, CHEN = "+8613800000001", "+8613800000002"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Mobile/15E148 Safari/604.1"
NEW_DEVICE = "Your account was opened on a new device"


async def sign_in(city: City, browser: httpx2.AsyncClient, phone: str = LIN) -> httpx2.Response:
    """Sign in with a code; the browser keeps its cookies."""
    await city.forget_limits()
    sent = await browser.post("/v1/sign-in/challenges", json={"phone": phone})
    answer = {"challenge_id": sent.json()["challenge_id"], "code": await city.last_code(phone)}
    opened = await browser.post("/v1/sign-in/sessions", json=answer)
    assert opened.status_code == 201, opened.text
    return opened


async def notices(city: City, person: Person) -> list[str]:
    """The titles in her inbox, the newest first."""
    await city.work()
    await person.patch("/v1/me", json={"locale": "en"})
    return [item["title"] for item in (await person.get("/v1/inbox")).json()["items"]]


@pytest.fixture
async def lin(city: City) -> Person:
    return await city.person(LIN)


async def test_she_sees_where_she_is_signed_in(city: City, lin: Person) -> None:
    async with city.browser(**{"user-agent": IPHONE, "origin": city.settings.base_url}) as phone:
        await sign_in(city, phone)
        newest, oldest = (await phone.get("/v1/sessions")).json()["items"]
    assert (newest["current"], newest["browser"], newest["system"]) == (True, "Safari", "iPhone")
    assert (newest["method"], newest["name"], newest["network"]) == ("otp", None, None)
    assert newest["opened_at"] <= newest["last_used_at"]
    assert (oldest["current"], oldest["browser"], oldest["system"]) == (False, None, None)


async def test_the_list_has_pages_and_leaves_out_what_is_over(city: City, lin: Person) -> None:
    for _ in range(2):
        async with city.browser() as browser:
            await sign_in(city, browser)
    first = (await lin.get("/v1/sessions", params={"limit": 2})).json()
    second = (await lin.get("/v1/sessions", params={"limit": 2, "cursor": first["next"]})).json()
    assert [item["current"] for item in [*first["items"], *second["items"]]] == [False, False, True]
    await city.execute("UPDATE core_session SET ended_at = now() WHERE id = $1::uuid", first["items"][0]["id"])
    await city.execute("UPDATE core_session SET expires_at = now() WHERE id = $1::uuid", first["items"][1]["id"])
    assert [item["current"] for item in (await lin.get("/v1/sessions")).json()["items"]] == [True]


async def test_the_network_of_a_sign_in_is_shown_and_not_readable_in_the_table(settings: Settings) -> None:
    async with open_city(settings.model_copy(update={"trusted_proxies": 1})) as city:
        await city.execute("TRUNCATE core_resident CASCADE")
        async with city.browser(**{"x-forwarded-for": "8.8.4.4"}) as browser:
            opened = await sign_in(city, browser)
        async with city.browser(authorization=f"Bearer {opened.json()['access_token']}") as app:
            (item,) = (await app.get("/v1/sessions")).json()["items"]
        assert item["network"] == "8.8.4.0/24"
        (row,) = await city.rows("SELECT s::text AS line FROM core_session s")
        assert "8.8.4" not in row["line"] and b"8.8.4".hex() not in row["line"]


async def test_she_gives_a_device_a_name_and_takes_it_back(city: City, lin: Person) -> None:
    path = f"/v1/sessions/{(await lin.get('/v1/sessions')).json()['items'][0]['id']}"
    renamed = (await lin.patch(path, json={"name": " Kitchen  tablet "})).json()
    assert (renamed["name"], renamed["current"]) == ("Kitchen tablet", True)
    (row,) = await city.rows("SELECT s::text AS line FROM core_session s")
    assert "Kitchen" not in row["line"] and b"Kitchen".hex() not in row["line"]
    assert (await lin.patch(path, json={"name": "x" * 61})).status_code == 400
    assert (await lin.patch(path, json={})).status_code == 400
    assert (await lin.patch(path, json={"name": None})).json()["name"] is None


async def test_ending_a_session_ends_its_cookie_its_tokens_and_its_refresh_family(city: City, lin: Person) -> None:
    other = Person(city, LIN)
    await other.sign_in()
    path = f"/v1/sessions/{(await other.get('/v1/sessions')).json()['items'][0]['id']}"
    assert (await lin.delete(path)).status_code == 204
    assert (await other.get("/v1/me")).status_code == 401
    assert (await renewed(other))[0] == 400
    assert (await lin.delete(path)).status_code == 204, "what is ended stays ended"
    assert (await lin.patch(path, json={"name": "x"})).status_code == 404
    assert (await lin.get("/v1/me")).status_code == 200


async def test_ending_all_others_leaves_this_one(city: City, lin: Person) -> None:
    others = [Person(city, LIN) for _ in range(2)]
    for other in others:
        await other.sign_in()
    chen = await city.person(CHEN)
    assert (await lin.delete("/v1/sessions/others")).status_code == 204
    assert [(await each.get("/v1/me")).status_code for each in (lin, *others, chen)] == [200, 401, 401, 200]
    assert len((await lin.get("/v1/sessions")).json()["items"]) == 1


async def test_another_resident_neither_sees_nor_names_nor_ends_hers(city: City, lin: Person) -> None:
    chen = await city.person(CHEN)
    path = f"/v1/sessions/{(await lin.get('/v1/sessions')).json()['items'][0]['id']}"
    async with city.browser() as stranger:
        asked = [await stranger.get("/v1/sessions"), await stranger.delete(path)]
        asked.append(await stranger.delete("/v1/sessions/others"))
    assert [answer.status_code for answer in asked] == [401] * 3
    assert [item["current"] for item in (await chen.get("/v1/sessions")).json()["items"]] == [True]
    assert (await chen.patch(path, json={"name": "x"})).status_code == 404
    assert (await chen.delete(path)).status_code == 404
    assert (await lin.get("/v1/me")).status_code == 200


async def test_the_first_sign_in_is_no_news_and_the_same_browser_never_is(city: City) -> None:
    async with city.browser(origin=city.settings.base_url) as browser:
        for _ in range(2):
            await sign_in(city, browser)
        await city.work()
        assert (await browser.get("/v1/inbox")).json()["items"] == []


async def test_a_new_device_is_news_once_and_says_what_it_calls_itself(city: City, lin: Person) -> None:
    async with city.browser(**{"user-agent": IPHONE}) as phone:
        await sign_in(city, phone)
        await sign_in(city, phone)
    assert await notices(city, lin) == [NEW_DEVICE]
    (notice,) = (await lin.get("/v1/inbox")).json()["items"]
    assert "Safari · iPhone" in notice["body"] and notice["link"] == "/me/sessions"
    assert notice["app_id"] is None


async def test_a_device_of_one_resident_is_new_to_another(city: City, lin: Person) -> None:
    chen = await city.person(CHEN)
    async with city.browser() as shared:
        await sign_in(city, shared)
        await sign_in(city, shared, CHEN)
    assert await notices(city, lin) == await notices(city, chen) == [NEW_DEVICE]


async def test_a_resident_from_before_devices_were_known_hears_of_the_next_sign_in(city: City, lin: Person) -> None:
    await city.execute("DELETE FROM core_known_device")
    await city.execute("UPDATE core_session SET device_hash = NULL")
    async with city.browser() as phone:
        await sign_in(city, phone)
    assert await notices(city, lin) == [NEW_DEVICE]


async def test_a_device_that_she_put_out_is_news_when_it_comes_back_and_her_own_is_not(city: City, lin: Person) -> None:
    async with city.browser(origin=city.settings.base_url) as phone, city.browser() as stolen:
        await sign_in(city, phone)
        await sign_in(city, phone)  # a second session of the same browser
        await sign_in(city, stolen)
        assert await notices(city, lin) == [NEW_DEVICE] * 2
        await phone.delete("/v1/sessions/others")
        await sign_in(city, phone)
        await lin.sign_in()
        assert (await notices(city, lin)).count(NEW_DEVICE) == 3, "of the app that was ended, not of her own phone"
        before = len(await notices(city, lin))
        await sign_in(city, stolen)
        assert len(await notices(city, lin)) == before + 1
        await sign_in(city, phone)
        assert len(await notices(city, lin)) == before + 1


async def test_signing_out_by_the_list_does_not_make_ones_own_device_news(city: City, lin: Person) -> None:
    async with city.browser(origin=city.settings.base_url) as phone:
        await sign_in(city, phone)
        current = (await phone.get("/v1/sessions")).json()["items"][0]
        assert (await phone.delete(f"/v1/sessions/{current['id']}")).status_code == 204
        assert (await phone.get("/v1/me")).status_code == 401
        await sign_in(city, phone)
    assert await notices(city, lin) == [NEW_DEVICE]


async def test_a_device_is_forgotten_when_its_browser_has_forgotten_it(city: City, lin: Person) -> None:
    await forget_old_sessions({}, state=city.state)
    assert await count(city, "core_known_device") == 1
    city.clock.ahead = timedelta(days=400, seconds=1)
    await forget_old_sessions({}, state=city.state)
    assert await count(city, "core_known_device") == 0


async def test_a_browser_keeps_the_name_it_is_known_by_from_sign_in_to_sign_in(city: City) -> None:
    async with city.browser() as browser:
        names = []
        for _ in range(2):
            opened = await sign_in(city, browser)
            line = next(h for h in opened.headers.get_list("set-cookie") if h.startswith("banyan_device="))
            assert "HttpOnly" in line and "Max-Age=34560000" in line
            names.append(line.partition(";")[0])
    assert names[0] == names[1]
    assert await city.rows("SELECT 1 FROM core_known_device WHERE device_hash = $1", names[0]) == []


async def program(city: City, person: Person, parent: str | None) -> str:
    """A session of another program, which hangs on a sign-in or goes on while she is away; its id."""
    (row,) = await city.rows(
        "INSERT INTO core_session (id, resident_id, token_hash, user_agent, created_at, last_used_at, expires_at,"
        " client_id, parent_id) VALUES ($1, $2::uuid, gen_random_uuid()::text, '', now(), now(),"
        " now() + interval '1 day', 'clinic', $3::uuid) RETURNING id::text",
        uuid7(),
        person.id,
        parent,
    )
    return str(row["id"])


async def test_what_other_programs_may_do_is_no_device_and_ends_with_the_device_it_hangs_on(
    city: City, lin: Person
) -> None:
    others = [Person(city, LIN) for _ in range(2)]
    for other in others:
        await other.sign_in()
    third, second, first = [item["id"] for item in (await lin.get("/v1/sessions")).json()["items"]]
    hers, away = await program(city, lin, first), await program(city, lin, None)
    theirs = [await program(city, lin, parent) for parent in (second, third)]
    assert len((await lin.get("/v1/sessions")).json()["items"]) == 3
    assert (await lin.delete(f"/v1/sessions/{away}")).status_code == 404
    assert (await lin.patch(f"/v1/sessions/{away}", json={"name": "x"})).status_code == 404
    for path, gone in ((second, theirs[:1]), ("others", theirs)):
        assert (await lin.delete(f"/v1/sessions/{path}")).status_code == 204
        ended = await city.rows(
            "SELECT id::text FROM core_session WHERE ended_at IS NOT NULL AND client_id IS NOT NULL"
        )
        assert {row["id"] for row in ended} == set(gone)
    assert {hers, away}.isdisjoint(theirs)

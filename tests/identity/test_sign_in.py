"""A resident signs in with a phone and a one-time code."""

import asyncio
from datetime import timedelta

import pytest

from app_server.kernel.settings import Settings
from tests.city import City, open_city

PHONE = "+8613800000001"


async def ask(city: City, phone: str = PHONE) -> str:
    """A challenge's id."""
    async with city.browser() as browser:
        sent = await browser.post("/v1/sign-in/challenges", json={"phone": phone})
        assert sent.status_code == 202, sent.text
        return str(sent.json()["challenge_id"])


async def test_the_code_of_the_message_opens_a_session(city: City) -> None:
    async with city.browser(**{"accept-language": "en"}) as browser:
        sent = await browser.post("/v1/sign-in/challenges", json={"phone": "138 0000 0001"})
        assert sent.status_code == 202
        assert sent.json()["expires_in"] == 300
        code = await city.last_code(PHONE)
        opened = await browser.post(
            "/v1/sign-in/sessions", json={"challenge_id": sent.json()["challenge_id"], "code": f"{code[:3]} {code[3:]}"}
        )
        assert opened.status_code == 201
        body = opened.json()
        assert body["token_type"] == "Bearer"
        assert body["resident"]["phone_masked"] == "138****0001"
        assert body["resident"]["locale"] == "en"
        cookie = next(h for h in opened.headers.get_list("set-cookie") if h.startswith("banyan_session="))
        assert "HttpOnly" in cookie
        assert "samesite=lax" in cookie.lower()
        assert (await browser.get("/v1/me")).json()["id"] == body["resident"]["id"]
    async with city.browser(authorization=f"Bearer {body['access_token']}") as app:
        assert (await app.get("/v1/me")).status_code == 200


@pytest.mark.parametrize(("language", "city_name"), [("zh-CN", "【福州】"), ("en", "Fuzhou: ")])
async def test_the_message_names_the_city_in_the_language_of_its_reader(
    city: City, language: str, city_name: str
) -> None:
    async with city.browser(**{"accept-language": language}) as browser:
        await browser.post("/v1/sign-in/challenges", json={"phone": PHONE})
    assert (await city.last_text(PHONE)).startswith(city_name)


async def test_a_code_opens_one_session_however_often_it_is_sent_at_once(city: City) -> None:
    challenge = await ask(city)
    code = await city.last_code(PHONE)
    async with city.browser() as browser:
        answers = await asyncio.gather(
            *(browser.post("/v1/sign-in/sessions", json={"challenge_id": challenge, "code": code}) for _ in range(20))
        )
    assert sorted(a.status_code for a in answers).count(201) == 1
    assert {a.json()["code"] for a in answers if a.status_code != 201} == {"challenge_over"}
    assert len(await city.rows("SELECT 1 FROM core_session")) == 1


async def test_a_thousand_guesses_at_once_are_five(city: City) -> None:
    challenge = await ask(city)
    code = await city.last_code(PHONE)
    guesses = [f"{n:06}" for n in range(1000) if f"{n:06}" != code]
    async with city.browser() as browser:
        answers = await asyncio.gather(
            *(browser.post("/v1/sign-in/sessions", json={"challenge_id": challenge, "code": g}) for g in guesses)
        )
        tried = [a for a in answers if a.json()["code"] == "code_not_accepted"]
        assert sorted(a.json()["tries_left"] for a in tried) == [0, 1, 2, 3, 4]
        assert all(a.json()["code"] == "challenge_over" for a in answers if a not in tried)
        right = await browser.post("/v1/sign-in/sessions", json={"challenge_id": challenge, "code": code})
        assert right.json()["code"] == "challenge_over"


async def test_a_code_ends_after_five_minutes(city: City) -> None:
    challenge = await ask(city)
    code = await city.last_code(PHONE)
    city.clock.ahead = timedelta(minutes=5, seconds=1)
    async with city.browser() as browser:
        late = await browser.post("/v1/sign-in/sessions", json={"challenge_id": challenge, "code": code})
    assert late.json()["code"] == "challenge_over"


async def test_known_and_unknown_numbers_get_the_same_answer(city: City) -> None:
    await city.person(PHONE)
    await city.forget_limits()
    async with city.browser() as browser:
        known = await browser.post("/v1/sign-in/challenges", json={"phone": PHONE})
        unknown = await browser.post("/v1/sign-in/challenges", json={"phone": "+8613811112222"})
    assert known.status_code == unknown.status_code == 202
    assert {**known.json(), "challenge_id": 0} == {**unknown.json(), "challenge_id": 0}
    before = await city.rows("SELECT count(*) FROM core_resident")
    assert before[0][0] == 1


async def test_a_number_may_ask_again_after_a_minute_and_five_times_an_hour(city: City) -> None:
    async with city.browser() as browser:
        assert (await browser.post("/v1/sign-in/challenges", json={"phone": PHONE})).status_code == 202
        again = await browser.post("/v1/sign-in/challenges", json={"phone": PHONE})
        assert again.status_code == 429
        assert 1 <= int(again.headers["retry-after"]) <= 60
        other = await browser.post("/v1/sign-in/challenges", json={"phone": "+8613811112222"})
        assert other.status_code == 202
        for _ in range(4):
            for key in await city.state["redis"].call("KEYS", "limit:code:resend:*"):
                await city.state["redis"].call("DEL", key)
            assert (await browser.post("/v1/sign-in/challenges", json={"phone": PHONE})).status_code == 202
        for key in await city.state["redis"].call("KEYS", "limit:code:resend:*"):
            await city.state["redis"].call("DEL", key)
        assert (await browser.post("/v1/sign-in/challenges", json={"phone": PHONE})).status_code == 429


@pytest.mark.parametrize("phone", ["12345", "not a number", "+8612345678901", "138000000011", "+0123456789"])
async def test_what_is_no_number_is_told_so_and_nothing_is_sent(city: City, phone: str) -> None:
    async with city.browser() as browser:
        refused = await browser.post("/v1/sign-in/challenges", json={"phone": phone})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == "/phone"
    assert phone not in refused.text
    assert not await city.rows("SELECT 1 FROM notifications_delivery")


async def test_a_refresh_gives_the_same_successor_within_half_a_minute_and_ends_the_session_after(city: City) -> None:
    person = await city.person()
    form = {"grant_type": "refresh_token", "refresh_token": person.refresh_token}
    async with city.browser() as browser:
        first, second = await asyncio.gather(
            browser.post("/oauth/token", data=form), browser.post("/oauth/token", data=form)
        )
        assert first.status_code == second.status_code == 200
        assert first.json()["refresh_token"] == second.json()["refresh_token"] != person.refresh_token
        city.clock.ahead = timedelta(seconds=31)
        reused = await browser.post("/oauth/token", data=form)
        assert reused.status_code == 400
        assert reused.json()["error"] == "invalid_grant"
        form["refresh_token"] = first.json()["refresh_token"]
        assert (await browser.post("/oauth/token", data=form)).status_code == 400


async def test_signing_out_ends_the_cookie_and_the_access_token(city: City) -> None:
    person = await city.person()
    assert (await person.get("/v1/me")).status_code == 200
    assert (await person.delete("/v1/sign-in/sessions/current")).status_code == 204
    gone = await person.get("/v1/me")
    assert gone.status_code == 401
    assert gone.json()["code"] == "sign_in_required"


async def test_a_page_of_another_site_cannot_act_with_the_cookie(city: City) -> None:
    challenge = await ask(city)
    code = await city.last_code(PHONE)
    async with city.browser() as browser:
        await browser.post("/v1/sign-in/sessions", json={"challenge_id": challenge, "code": code})
        change = {"name": "Mallory"}
        for origin in ("https://evil.example", "http://library.localhost:8000", "null"):
            refused = await browser.patch("/v1/me", json=change, headers={"origin": origin})
            assert refused.json()["code"] == "cross_site_request"
        assert (await browser.patch("/v1/me", json=change)).status_code == 403
        assert (await browser.get("/v1/me")).json()["name"] is None
        own = await browser.patch("/v1/me", json=change, headers={"origin": city.settings.base_url})
        assert own.json()["name"] == "Mallory"


async def test_two_who_change_a_profile_do_not_overwrite_each_other(city: City) -> None:
    person = await city.person()
    seen = await person.get("/v1/me")
    tag = seen.headers["etag"]
    first = await person.patch("/v1/me", json={"elder_mode": True}, headers={"if-match": tag})
    assert first.json()["elder_mode"] is True
    second = await person.patch("/v1/me", json={"name": "X"}, headers={"if-match": tag})
    assert second.status_code == 412
    assert (await person.get("/v1/me")).json()["name"] == "林依婷"
    unknown = await person.patch("/v1/me", json={"district_code": "999999"})
    assert unknown.json()["code"] == "district_unknown"


async def test_phone_and_name_are_not_readable_in_the_tables(city: City) -> None:
    await city.person(PHONE, name="林依婷")
    for table in ("core_resident", "core_sign_in_challenge", "notifications_delivery", "core_job", "core_outbox_event"):
        for row in await city.rows(f"SELECT t::text AS line FROM {table} t"):
            text = row["line"]
            assert "13800000001" not in text
            assert "林依婷" not in text
            assert b"13800000001".hex() not in text


async def test_over_tls_the_cookies_are_bound_to_this_host_and_a_sibling_cannot_plant_one(settings: Settings) -> None:
    secure = settings.model_copy(update={"base_url": "https://city.example"})
    async with open_city(secure) as city:
        await city.forget_limits()
        challenge = await ask(city)
        code = await city.last_code(PHONE)
        async with city.browser() as browser:
            answer = {"challenge_id": challenge, "code": code}
            opened = await browser.post("/v1/sign-in/sessions", json=answer)
            session = next(h for h in opened.headers.get_list("set-cookie") if "banyan_session" in h)
            assert session.startswith("__Host-banyan_session=bs_")
            assert "Secure" in session
            assert "Domain" not in session
            assert (await browser.get("/v1/me")).status_code == 200
            token = session.partition("=")[2].partition(";")[0]
        async with city.browser(cookie=f"banyan_session={token}") as planted:
            assert (await planted.get("/v1/me")).status_code == 401


async def test_a_number_in_other_digits_counts_as_the_same_number(city: City) -> None:
    async with city.browser() as browser:
        await ask(city)
        again = await browser.post("/v1/sign-in/challenges", json={"phone": "1380000000１"})
        foreign = await browser.post("/v1/sign-in/challenges", json={"phone": "138000000٠1"})
    assert again.json()["code"] == "too_many_requests"
    assert foreign.json()["code"] == "phone_not_valid"
    assert len(await city.rows("SELECT 1 FROM core_sign_in_challenge")) == 1


async def test_a_code_may_be_typed_in_full_width_digits(city: City) -> None:
    challenge = await ask(city)
    code = "".join(chr(0xFF10 + int(digit)) for digit in await city.last_code(PHONE))
    async with city.browser() as browser:
        opened = await browser.post("/v1/sign-in/sessions", json={"challenge_id": challenge, "code": code})
    assert opened.status_code == 201


async def test_a_name_cannot_be_made_to_look_like_another_and_may_be_taken_back(city: City) -> None:
    person = await city.person()
    mirrored = await person.patch("/v1/me", json={"name": "\u202e婷依林"})
    assert mirrored.status_code == 400
    assert mirrored.json()["errors"][0]["pointer"] == "/name"
    assert (await person.patch("/v1/me", json={"name": " 林  依婷 "})).json()["name"] == "林 依婷"
    assert (await person.patch("/v1/me", json={"name": "  "})).json()["name"] is None
    assert (await person.patch("/v1/me", json={"name": None})).json()["name"] is None

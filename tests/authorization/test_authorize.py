"""A resident signs in to somebody else's program with the city's login: OpenID Connect, authorization code, PKCE."""

import asyncio
from datetime import timedelta
from re import findall

import pytest

from app_server.authorization.registered import registered_clients
from app_server.identity.locks import lock_resident
from app_server.identity.service import end_session
from app_server.kernel.unit_of_work import in_unit_of_work
from tests.actors import Person
from tests.authorization.conftest import provider_of
from tests.authorization.relying_parties import CLINIC, PLACE, Browser, claims_of, question, registered, tokens, told
from tests.city import City


async def test_a_resident_allows_it_once_and_is_known_by_a_number_of_that_providers(
    city: City, clinic: str, lin: Person
) -> None:
    browser = Browser(city, lin)
    page = await browser.asks(question(clinic))
    assert page.status_code == 200
    for words in (
        "Fuzhou Clinic",
        "clinic.example",
        "See your name and language",
        "to serve you",
        "See your mobile number",
    ):
        assert words in page.text
    back = told(await browser.presses(page, answer="allow", **{"scope:phone": "on"}))
    assert (back["state"], back["iss"]) == ("s1", city.settings.base_url)
    answer = await tokens(city, clinic, back["code"])
    assert answer.status_code == 200, answer.text
    body = answer.json()
    claims = await claims_of(city, body["id_token"], clinic)
    assert (claims["nonce"], claims["iss"]) == ("n1", city.settings.base_url)
    assert lin.id not in answer.text
    assert claims["auth_time"] <= claims["iat"]
    assert claims["acr"] == "urn:banyan:acr:phone"
    await city.execute("UPDATE core_session SET method = 'passkey' WHERE client_id IS NULL")
    after = told(await browser.asks(question(clinic)))["code"]
    stronger = await claims_of(city, (await tokens(city, clinic, after)).json()["id_token"], clinic)
    assert stronger["acr"] == "urn:banyan:acr:passkey"
    async with city.browser(authorization=f"Bearer {body['access_token']}") as http:
        for known in (await http.get("/oauth/userinfo"), await http.post("/oauth/userinfo")):
            assert known.json() == {
                "sub": claims["sub"],
                "locale": "en",
                "name": "林依婷",
                "phone_number": lin.phone,
                "phone_number_verified": True,
            } | {"locale": known.json()["locale"]}
        assert (await http.get("/v1/me")).status_code == 403
    looks = (await lin.get("/v1/ledger")).json()["items"]
    assert sorted((look["fields"], look["who"]["name"]) for look in looks) == [
        (["name"], looks[0]["who"]["name"]),
        (["phone"], looks[0]["who"]["name"]),
    ]
    again = told(await browser.asks(question(clinic, state="s2")))  # nothing to decide: straight back
    assert again["state"] == "s2"
    assert (await tokens(city, clinic, again["code"])).status_code == 200
    consents = (await lin.get("/v1/consents")).json()["items"]
    assert {(consent["app_id"], consent["scope"]) for consent in consents} == {
        (clinic, scope) for scope in ("openid", "profile", "phone")
    }


async def test_what_she_does_not_tick_is_not_told(city: City, clinic: str, lin: Person) -> None:
    browser = Browser(city, lin)
    back = told(await browser.presses(await browser.asks(question(clinic)), answer="allow"))
    body = (await tokens(city, clinic, back["code"])).json()
    assert body["scope"] == "openid profile"
    async with city.browser(authorization=f"Bearer {body['access_token']}") as http:
        assert "phone_number" not in (await http.get("/oauth/userinfo")).json()
    assert told(await browser.asks(question(clinic)))["code"]  # she said no once; that is an answer
    again = await browser.asks(question(clinic, prompt="consent"))
    back = told(await browser.presses(again, answer="allow", **{"scope:phone": "on"}))
    assert "phone" in (await tokens(city, clinic, back["code"])).json()["scope"]
    consents = (await lin.get("/v1/consents")).json()["items"]
    assert sorted(consent["scope"] for consent in consents) == ["openid", "phone", "profile"]


async def test_who_is_not_signed_in_signs_in_first_and_comes_back_by_a_page(
    city: City, clinic: str, lin: Person
) -> None:
    browser = Browser(city)
    door = await browser.asks(question(clinic, login_hint=lin.phone))
    assert door.url.path == "/sign-in"
    (target,) = set(findall(r'name="next" value="([^"]+)"', door.text))
    browser.http.cookies.set("banyan_session", lin.cookie)
    page = await browser.http.get(target)
    done = await browser.presses(page, answer="allow")
    assert done.status_code == 200  # a form came before: Chromium would not follow a redirect from it to the clinic
    assert told(done)["code"]


async def test_a_resident_who_says_no_is_sent_back_and_the_request_is_over(
    city: City, clinic: str, lin: Person
) -> None:
    browser = Browser(city, lin)
    page = await browser.asks(question(clinic))
    assert told(await browser.presses(page, answer="deny"))["error"] == "access_denied"
    for late in (await browser.presses(page, answer="allow"), await browser.http.get(page.url.path)):
        assert late.status_code == 410
        assert "begin again" in late.text
    assert (await lin.get("/v1/consents")).json()["items"] == []


async def test_nobody_is_asked_when_the_client_wants_silence(city: City, clinic: str, lin: Person) -> None:
    silent = question(clinic, prompt="none")
    assert told(await Browser(city).asks(silent))["error"] == "login_required"
    browser = Browser(city, lin)
    assert told(await browser.asks(silent))["error"] == "consent_required"
    await browser.presses(await browser.asks(question(clinic)), answer="allow", **{"scope:phone": "on"})
    assert told(await browser.asks(silent))["code"]
    asked = await browser.asks(question(clinic, prompt="consent"))
    assert (asked.status_code, "See your name" in asked.text) == (200, True)


@pytest.mark.parametrize(
    ("changes", "fresh_enough"),
    [
        ({"prompt": "login"}, False),
        ({"prompt": "select_account"}, False),
        ({"max_age": "0"}, False),
        ({"max_age": "7000"}, True),
    ],
)
async def test_a_client_may_ask_for_a_fresh_sign_in(
    city: City, clinic: str, lin: Person, changes: dict[str, str], fresh_enough: bool
) -> None:
    city.clock.ahead = timedelta(hours=1)
    browser = Browser(city, lin)
    page = await browser.asks(question(clinic, **changes))
    assert (page.url.path == "/sign-in") is not fresh_enough
    if not fresh_enough:
        (target,) = set(findall(r'name="next" value="([^"]+)"', page.text))
        assert (await browser.http.get(target)).headers["location"].startswith("/sign-in")  # she did not sign in again
        refused = await browser.http.post(target.partition("?")[0], data={"answer": "allow"})
        assert refused.headers["location"].startswith("/sign-in")


async def test_a_code_is_good_for_its_client_its_place_and_its_verifier_and_opens_one_session(
    city: City, provider: Person, clinic: str, lin: Person
) -> None:
    browser = Browser(city, lin)
    other = await registered(provider, redirect_uris=[PLACE, "https://clinic.example/other"])
    code = told(await browser.presses(await browser.asks(question(clinic)), answer="allow"))["code"]
    wrong: list[dict[str, str]] = [
        {"code_verifier": "w" * 43},
        {"redirect_uri": "https://clinic.example/other"},
        {"client_id": other},
        {"code": code + "x"},
    ]

    async def refuses_what_is_wrong() -> None:
        for changes in wrong:
            refused = await tokens(city, clinic, code, **changes)
            assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant"), changes

    await refuses_what_is_wrong()
    answers = await asyncio.gather(*(tokens(city, clinic, code) for _ in range(100)))
    assert {answer.status_code for answer in answers} == {200}  # who asks again gets the same again
    await refuses_what_is_wrong()
    assert len(await city.rows("SELECT 1 FROM core_session WHERE client_id = $1", clinic)) == 1


async def test_one_answer_to_a_request_however_often_the_form_is_sent_at_once(
    city: City, clinic: str, lin: Person
) -> None:
    browser = Browser(city, lin)
    page = await browser.asks(question(clinic))
    answers = await asyncio.gather(*(browser.presses(page, answer="allow") for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] + [410] * 19


async def test_the_answer_may_be_posted(city: City, clinic: str, lin: Person) -> None:
    browser = Browser(city, lin)
    page = await browser.presses(await browser.asks(question(clinic, response_mode="form_post")), answer="allow")
    assert f'action="{PLACE}"' in page.text
    assert "form-action" not in page.headers["content-security-policy"]  # the client may send her further
    members = dict(findall(r'name="(\w+)" value="([^"]*)"', page.text))
    assert set(members) == {"code", "state", "iss"}
    assert (await tokens(city, clinic, members["code"])).status_code == 200


async def test_another_providers_clients_know_her_by_another_number_and_ones_own_by_the_same(
    city: City, provider: Person, clinic: str, lin: Person
) -> None:
    pharmacy = await provider_of(city, "Fuzhou Pharmacy", "+8613800000004")
    clients = [clinic, await registered(provider), await registered(pharmacy)]
    browser, subjects = Browser(city, lin), []
    for client_id in clients:
        back = told(await browser.presses(await browser.asks(question(client_id)), answer="allow"))
        body = (await tokens(city, client_id, back["code"])).json()
        subjects.append((await claims_of(city, body["id_token"], client_id))["sub"])
    assert subjects[0] == subjects[1] != subjects[2]


async def test_a_client_that_is_removed_gets_nothing_more(
    city: City, provider: Person, clinic: str, lin: Person
) -> None:
    browser = Browser(city, lin)
    page = await browser.asks(question(clinic))
    body = (await tokens(city, clinic, told(await browser.presses(page, answer="allow"))["code"])).json()
    waiting = await browser.asks(question(clinic, prompt="consent"))
    assert (await provider.delete(f"/v1/provider/clients/{clinic}")).status_code == 204
    await city.state["ports"].clients.second.refresh()  # type: ignore[attr-defined]
    assert (await browser.asks(question(clinic))).status_code == 400
    assert (await browser.presses(waiting, answer="allow")).status_code == 410
    async with city.browser(authorization=f"Bearer {body['access_token']}") as http:
        assert (await http.get("/oauth/userinfo")).status_code == 401


async def test_signing_out_ends_what_the_client_holds(city: City, clinic: str, lin: Person) -> None:
    browser = Browser(city, lin)
    back = told(await browser.presses(await browser.asks(question(clinic)), answer="allow"))
    body = (await tokens(city, clinic, back["code"])).json()
    pending = told(await browser.asks(question(clinic, scope="openid")))
    await lin.delete("/v1/sign-in/sessions/current")
    assert (await tokens(city, clinic, pending["code"])).json()["error"] == "invalid_grant"
    async with city.browser(authorization=f"Bearer {body['access_token']}") as http:
        assert (await http.get("/oauth/userinfo")).status_code == 401


async def test_a_client_may_send_its_question_by_itself_and_the_browser_brings_a_name_for_it_once(
    city: City, provider: Person, clinic: str, lin: Person
) -> None:
    async with city.browser() as http:
        pushed = await http.post("/oauth/par", data=question(clinic, state="pushed"))
        refused = await http.post("/oauth/par", data=question(clinic, code_challenge_method="plain"))
        unproven = await http.post("/oauth/par", data=question(clinic, redirect_uri="https://evil.example/"))
    assert (pushed.status_code, pushed.json()["expires_in"], pushed.headers["cache-control"]) == (201, 90, "no-store")
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert (unproven.status_code, unproven.json()["error"]) == (400, "invalid_request")
    browser, brought = Browser(city, lin), {"client_id": clinic, "request_uri": pushed.json()["request_uri"]}
    other = await registered(provider)
    assert (await browser.asks(brought | {"client_id": other})).status_code == 400
    page = await browser.asks(brought)
    back = told(await browser.presses(page, answer="allow"))
    assert back["state"] == "pushed"
    assert (await tokens(city, clinic, back["code"])).status_code == 200
    assert (await browser.asks(brought)).status_code == 400
    async with city.browser() as http:
        late = (await http.post("/oauth/par", data=question(clinic))).json()["request_uri"]
    city.clock.ahead = timedelta(seconds=91)
    assert (await browser.asks({"client_id": clinic, "request_uri": late})).status_code == 400


async def test_the_page_speaks_the_language_that_the_client_names(city: City, clinic: str, lin: Person) -> None:
    page = await Browser(city, lin).asks(question(clinic, ui_locales="zh-CN en"))
    assert "福州诊所" in page.text
    assert 'lang="zh-CN"' in page.text


async def test_she_decides_on_what_she_was_shown_whatever_the_client_asks_for_by_then(
    city: City, provider: Person, clinic: str, lin: Person
) -> None:
    browser = Browser(city, lin)
    page = await browser.asks(question(clinic))
    must = [scope | {"required": True} for scope in CLINIC["scopes"]]
    await provider.http.put(f"/v1/provider/clients/{clinic}", json={**CLINIC, "scopes": must})
    await registered_clients(city.state).refresh()
    again = await browser.presses(page, answer="allow")
    assert (again.status_code, "See your mobile number" in again.text) == (200, True)
    assert (await lin.get("/v1/consents")).json()["items"] == []
    assert told(await browser.presses(again, answer="deny"))["error"] == "access_denied"


async def test_what_she_unticks_is_taken_back(city: City, clinic: str, lin: Person) -> None:
    browser = Browser(city, lin)
    await browser.presses(await browser.asks(question(clinic)), answer="allow", **{"scope:phone": "on"})
    page = await browser.asks(question(clinic, prompt="consent"))
    code = told(await browser.presses(page, answer="allow"))["code"]
    assert "phone" not in (await tokens(city, clinic, code)).json()["scope"].split()
    events = await city.rows(
        "SELECT payload->>'scope' AS scope FROM core_outbox_event WHERE name = 'consent_withdrawn'"
    )
    assert [event["scope"] for event in events] == ["phone"]


async def test_no_client_knows_her_before_she_allowed_it_once(city: City, clinic: str, lin: Person) -> None:
    browser, silent = Browser(city, lin), question(clinic, scope="openid", prompt="none")
    assert told(await browser.asks(silent))["error"] == "consent_required"
    page = await browser.asks(question(clinic, scope="openid"))
    assert "Know that it is you" in page.text
    await browser.presses(page, answer="allow")
    assert told(await browser.asks(silent))["code"]
    (consent,) = (await lin.get("/v1/consents")).json()["items"]
    await lin.delete(f"/v1/consents/{consent['id']}")
    assert told(await browser.asks(silent))["error"] == "consent_required"


async def test_a_code_that_comes_again_later_ends_what_it_gave(city: City, clinic: str, lin: Person) -> None:
    browser = Browser(city, lin)
    code = told(await browser.presses(await browser.asks(question(clinic)), answer="allow"))["code"]
    body = (await tokens(city, clinic, code)).json()
    async with city.browser(authorization=f"Bearer {body['access_token']}") as http:
        wrong = await tokens(city, clinic, code, code_verifier="w" * 43)
        assert wrong.status_code == 400
        assert (await http.get("/oauth/userinfo")).status_code == 200  # at once it is mere haste
        city.clock.ahead = timedelta(seconds=31)
        assert (await tokens(city, clinic, code)).status_code == 400
        assert (await http.get("/oauth/userinfo")).status_code == 401


async def test_a_client_gets_nothing_that_it_gave_up(city: City, provider: Person, clinic: str, lin: Person) -> None:
    browser = Browser(city, lin)
    back = told(await browser.presses(await browser.asks(question(clinic)), answer="allow", **{"scope:phone": "on"}))
    body = (await tokens(city, clinic, back["code"])).json()
    await provider.http.put(f"/v1/provider/clients/{clinic}", json={**CLINIC, "scopes": CLINIC["scopes"][:1]})
    await registered_clients(city.state).refresh()
    async with city.browser(authorization=f"Bearer {body['access_token']}") as http:
        assert "phone_number" not in (await http.get("/oauth/userinfo")).json()


@pytest.mark.parametrize("ends", ["lock", "sign out"])
async def test_a_code_on_its_way_gives_nothing_once_the_session_ends(
    city: City, clinic: str, lin: Person, ends: str
) -> None:
    browser = Browser(city, lin)
    code = told(await browser.presses(await browser.asks(question(clinic)), answer="allow"))["code"]
    (row,) = await city.rows("SELECT id, resident_id FROM core_session WHERE resident_id::text = $1", lin.id)
    holding, go_on = asyncio.Event(), asyncio.Event()

    @in_unit_of_work
    async def end_slowly() -> None:
        if ends == "lock":
            await lock_resident(row["resident_id"], reason="stolen phone", by="test", now=city.clock())
        else:
            await end_session(row["id"], state=city.state)
        holding.set()
        await go_on.wait()

    ending = asyncio.create_task(end_slowly())
    await holding.wait()
    trading = asyncio.create_task(tokens(city, clinic, code))
    await asyncio.sleep(0.3)
    assert not trading.done()
    go_on.set()
    await ending
    assert (await trading).json()["error"] == "invalid_grant"

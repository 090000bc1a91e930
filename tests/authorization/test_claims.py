"""A client asks for claims one by one; each is consented to for its own purpose, and given only where it was asked."""

import json
from contextlib import suppress
from typing import Any

import httpx2
import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_server.authorization import claims
from tests.actors import Person
from tests.authorization.relying_parties import PROMISE, Browser, question, registered, tokens, told
from tests.authorization.test_client_sessions import name_seen
from tests.city import City
from tests.identity.factors.people import set_password

WHY = {"zh-CN": "打印在处方上", "en": "to print it on the prescription"}
BY_CLAIM = [
    {"scope": "claim:name", "required": False, **PROMISE, "purpose": WHY},
    {"scope": "claim:phone_number", "required": False, **PROMISE},
]


@pytest.fixture
async def clinic(provider: Person) -> str:
    """A client that states a purpose for each claim."""
    return await registered(provider, scopes=BY_CLAIM)


def asking(client: str, wanted: Any, **changes: Any) -> dict[str, str]:
    text = wanted if isinstance(wanted, str) else json.dumps(wanted)
    return question(client, scope="openid", claims=text, **changes)


async def allowed(city: City, client: str, browser: Browser, wanted: Any, *ticked: str) -> Any:
    """The client's tokens, once she allowed what is ticked."""
    page = await browser.asks(asking(client, wanted))
    answer = await browser.presses(page, answer="allow", **{f"scope:{scope}": "on" for scope in ticked})
    got = await tokens(city, client, told(answer)["code"])
    assert got.status_code == 200, got.text
    return got.json()


def inside(token: str) -> Any:
    return jwt.decode(token, options={"verify_signature": False})


async def test_one_claim_is_asked_for_with_its_purpose_and_given_alone(city: City, clinic: str, lin: Person) -> None:
    browser, wanted = Browser(city, lin), {"userinfo": {"name": {"essential": True}, "unheard_of": None}}
    page = await browser.asks(asking(clinic, wanted))
    assert "to print it on the prescription" in page.text
    assert "See only your name" in page.text
    assert "See only your mobile number" not in page.text
    body = await allowed(city, clinic, browser, wanted, "claim:name")
    assert set(body["scope"].split()) == {"openid", "claim:name"}
    seen = (await name_seen(city, body["access_token"])).json()
    assert (seen["name"], "phone_number" in seen) == ("林依婷", False)
    assert "name" not in inside(body["id_token"])
    ledger = (await lin.get("/v1/ledger", headers={"accept-language": "en"})).json()["items"]
    assert [(look["fields"], look["purpose"]) for look in ledger] == [(["name"], WHY["zh-CN"])]


async def test_a_claim_for_the_id_token_stands_there_and_is_a_look_too(city: City, clinic: str, lin: Person) -> None:
    wanted = {"id_token": {"phone_number": None}}
    body = await allowed(city, clinic, Browser(city, lin), wanted, "claim:phone_number")
    said = inside(body["id_token"])
    assert (said["phone_number"], said.get("phone_number_verified"), "name" in said) == ("+8613800000001", None, False)
    assert len(await city.rows("SELECT 1 FROM personal_space_ledger_entry")) == 1


async def test_what_she_unticks_is_given_nowhere(city: City, clinic: str, lin: Person) -> None:
    wanted = {"userinfo": {"name": None}, "id_token": {"name": None, "phone_number": {"essential": True}}}
    body = await allowed(city, clinic, Browser(city, lin), wanted)
    assert not {"name", "phone_number"} & inside(body["id_token"]).keys()
    assert not {"name", "phone_number"} & (await name_seen(city, body["access_token"])).json().keys()
    assert await city.rows("SELECT 1 FROM personal_space_ledger_entry") == []


async def test_what_was_taken_back_is_not_told_any_more(city: City, clinic: str, lin: Person) -> None:
    wanted = {"userinfo": {"name": None}}
    body = await allowed(city, clinic, Browser(city, lin), wanted, "claim:name")
    (consent,) = [c for c in (await lin.get("/v1/consents")).json()["items"] if c["scope"] == "claim:name"]
    await lin.delete(f"/v1/consents/{consent['id']}")
    assert "name" not in (await name_seen(city, body["access_token"])).json()


async def test_a_claim_without_a_purpose_of_its_own_comes_with_the_scope_that_has_it(
    city: City, provider: Person, lin: Person
) -> None:
    broad = await registered(provider)
    body = await allowed(city, broad, Browser(city, lin), {"userinfo": {"name": None}})
    assert set(body["scope"].split()) == {"openid", "profile"}
    nobody = await registered(provider, scopes=[])
    body = await allowed(city, nobody, Browser(city, lin), {"userinfo": {"name": None}})
    assert body["scope"] == "openid"


async def test_a_single_claim_is_no_scope_to_be_asked_for_by_name(city: City, clinic: str, lin: Person) -> None:
    page = await Browser(city, lin).asks(question(clinic, scope="openid claim:name"))
    assert "See only your name" not in page.text


@pytest.mark.parametrize(
    "wanted",
    [
        *("{", "null", "[]", '"name"', "3", '{"userinfo": 1}', '{"id_token": []}', '{"userinfo": {"name": true}}'),
        *('{"userinfo": {"name": {"essential": "yes"}}}', '{"userinfo": {"name": {"values": "x"}}}'),
        *('{"userinfo": {}, "userinfo": {}}', '{"userinfo": {"name": NaN}}', "[" * 2000, "x" * 5000),
        *('{"id_token": {"sub": {"value": 3}}}', '{"id_token": {"sub": {"value": "a\\u0000"}}}'),
        *('{"id_token": {"acr": {"essential": true, "values": [1]}}}', '{"id_token": {"sub": {"values": ["a", "b"]}}}'),
    ],
)
async def test_what_is_no_such_question_is_told_to_the_client(
    city: City, clinic: str, lin: Person, wanted: str
) -> None:
    answer = told(await Browser(city, lin).asks(asking(clinic, wanted)))
    assert answer["error"] == "invalid_request"
    assert answer["error_description"].startswith(("claims", "each of the claims", "the values"))
    async with city.browser() as http:
        pushed = await http.post("/oauth/par", data=asking(clinic, wanted))
    assert (pushed.status_code, pushed.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "wanted", ["{}", '{"userinfo": null, "id_token": null}', '{"other": 3, "userinfo": {}}', " {} "]
)
async def test_what_asks_for_nothing_gets_nothing(city: City, clinic: str, lin: Person, wanted: str) -> None:
    assert (await Browser(city, lin).asks(asking(clinic, wanted))).status_code == 200


async def test_pushed_claims_are_those_of_the_link(city: City, clinic: str, lin: Person) -> None:
    async with city.browser() as http:
        pushed = (await http.post("/oauth/par", data=asking(clinic, {"userinfo": {"name": None}}))).json()
    page = await Browser(city, lin).asks({"client_id": clinic, "request_uri": pushed["request_uri"]})
    assert "to print it on the prescription" in page.text


async def test_only_the_resident_who_is_meant_is_answered_for(city: City, clinic: str, lin: Person) -> None:
    browser = Browser(city, lin)
    body = await allowed(city, clinic, browser, {})
    sub = inside(body["id_token"])["sub"]
    for where in ("id_token", "userinfo"):
        answer = await browser.asks(asking(clinic, {where: {"sub": {"value": sub}}}, prompt="none"))
        assert "code" in told(answer)
    chen = Browser(city, await city.person("+8613800000009", "陈"))
    other = asking(clinic, {"id_token": {"sub": {"value": sub}}}, prompt="none")
    assert told(await chen.asks(other))["error"] == "login_required"
    page = await chen.asks(other | {"prompt": "consent"})
    assert (page.status_code, page.url.path) == (200, "/sign-in")  # she may be another person in the same browser


async def test_who_signs_in_as_another_all_the_same_is_sent_back_without_a_code(
    city: City, clinic: str, lin: Person
) -> None:
    sub = inside((await allowed(city, clinic, Browser(city, lin), {}))["id_token"])["sub"]
    chen = await city.person("+8613800000009", "陈")
    browser = Browser(city, chen)
    page = await browser.asks(asking(clinic, {"id_token": {"sub": {"value": sub}}}))
    await chen.sign_in()
    browser.http.cookies.set("banyan_session", chen.cookie)
    answer = await browser.http.get(page.url.params["next"])
    assert told(answer)["error"] == "login_required"
    posted = await browser.http.post(page.url.params["next"].partition("?")[0], data={"answer": "allow"})
    assert posted.status_code == 410  # answered


async def test_an_essential_way_of_signing_in_is_held_to(city: City, clinic: str, lin: Person) -> None:
    browser, phone = Browser(city, lin), "urn:banyan:acr:phone"
    await allowed(city, clinic, browser, {})

    async def silently(acr: Any) -> httpx2.Response:
        return await browser.asks(asking(clinic, {"id_token": {"acr": acr}}, prompt="none"))

    better = "urn:banyan:acr:passkey"
    assert "code" in told(await silently({"essential": True, "values": [phone, better]}))
    assert "code" in told(await silently({"values": [better]}))
    assert "code" in told(await silently({"essential": True}))
    for unmet in (better, "urn:elsewhere:gold"):
        assert told(await silently({"essential": True, "value": unmet}))["error"] == "unmet_authentication_requirements"


async def test_an_essential_way_of_signing_in_is_asked_for_at_the_door_as_acr_values_are(
    city: City, clinic: str, lin: Person
) -> None:
    await set_password(lin)
    better = "urn:banyan:acr:two-steps"
    essential = {"id_token": {"acr": {"essential": True, "values": [better]}}}
    door = await Browser(city, lin).asks(asking(clinic, essential))
    assert "asks for more than a code to your phone" in door.text
    assert told(await Browser(city, lin).asks(asking(clinic, essential, prompt="none")))["error"] == "login_required"
    await city.execute("UPDATE core_session SET method = 'passkey'")
    answer = await Browser(city, lin).asks(asking(clinic, essential, prompt="none"))
    assert told(answer)["error"] == "login_required", "a higher one than those named is not one of them"


async def test_discovery_says_so(city: City) -> None:
    async with city.browser() as http:
        said = (await http.get("/.well-known/openid-configuration")).json()
    assert said["claims_parameter_supported"] is True
    assert set(claims.CLAIMS) - set(claims.VERIFIED.values()) <= set(said["claims_supported"])
    assert said["claims_in_verified_claims_supported"] == list(claims.VERIFIED)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.sampled_from(claims.CLAIMS), inner),
)


@given(JSON | st.fixed_dictionaries({"userinfo": JSON, "id_token": JSON}))
def test_whatever_is_asked_is_understood_or_refused(document: Any) -> None:
    with suppress(ValueError):
        read = claims.read(json.dumps(document))
        assert isinstance(document, dict)
        assert read.sub is None or read.sub.isprintable()
        assert claims.scopes_for(read.userinfo, ["profile"]) <= {"profile"}

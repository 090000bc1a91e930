"""Tokens of who acts for another: they say for whom and who, and are over with the mandate."""

from datetime import timedelta
from typing import Any

import jwt
import pytest

from tests.actors import Person
from tests.authorization.test_tokens import App
from tests.city import City
from tests.factories import consent, subject
from tests.identity.test_acting import browser_of, switch
from tests.identity.test_mandates import CHEN, LIN, accepted


@pytest.fixture
async def app(city: City) -> App:
    """The library, published."""
    made = App(city)
    await made.publish()
    return made


@pytest.fixture
async def lin(city: City, app: App) -> Person:
    """The one acted for, who allows the library her name."""
    person = await city.person(LIN, "林依婷")
    await consent(city, person, ["profile:read"])
    return person


@pytest.fixture
async def chen(city: City) -> Person:
    """The one who acts."""
    return await city.person(CHEN, "陈建国")


def said(token: str) -> dict[str, Any]:
    """What a token says; who reads it here has it from us."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


async def launched(city: City, app: App, lin: Person, chen: Person) -> tuple[str, dict[str, Any]]:
    """The mandate, and the tokens of a launch that Chen made for Lin."""
    mandate_id = await accepted(lin, chen)
    async with browser_of(chen) as http:
        await switch(http, mandate_id)
    (row,) = await city.rows("SELECT id FROM core_session WHERE mandate_id IS NOT NULL")
    answer = await app.trades(await app.code(lin, session_id=row["id"]))
    assert answer.status_code == 200, answer.text
    return mandate_id, answer.json()


async def test_a_service_learns_for_whom_and_who_by_names_of_its_own(
    city: City, app: App, lin: Person, chen: Person
) -> None:
    _, tokens = await launched(city, app, lin, chen)
    for token in (tokens["access_token"], tokens["id_token"]):
        claims = said(token)
        assert (claims["sub"], claims["act"]) == (subject(city, lin), {"sub": subject(city, chen)})
    own = await app.trades(await app.code(lin))
    assert "act" not in said(own.json()["access_token"])
    assert "act" not in said(own.json()["id_token"])


async def test_what_the_service_reads_then_stands_at_the_mandate_too(
    city: City, app: App, lin: Person, chen: Person
) -> None:
    mandate_id, tokens = await launched(city, app, lin, chen)
    async with city.browser(authorization=f"Bearer {tokens['access_token']}") as http:
        assert (await http.get("/oauth/userinfo")).json()["name"] == "林依婷"
    for person in (lin, chen):
        uses = (await person.get(f"/v1/mandates/{mandate_id}/uses")).json()["items"]
        assert [use["what"] for use in uses] == [["name"]]


async def test_introspection_says_who_acts(city: City, app: App, lin: Person, chen: Person) -> None:
    _, tokens = await launched(city, app, lin, chen)
    proof = {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": app.assertion(),
    }
    async with city.browser() as http:
        told = (await http.post("/oauth/introspect", data=proof | {"token": tokens["access_token"]})).json()
    assert (told["active"], told["act"]) == (True, {"sub": subject(city, chen)})


async def test_the_end_of_the_mandate_is_the_end_of_its_tokens_and_codes(
    city: City, app: App, lin: Person, chen: Person
) -> None:
    mandate_id, tokens = await launched(city, app, lin, chen)
    (row,) = await city.rows("SELECT id FROM core_session WHERE mandate_id IS NOT NULL")
    code = await app.code(lin, session_id=row["id"])
    await lin.delete(f"/v1/mandates/{mandate_id}")
    async with city.browser(authorization=f"Bearer {tokens['access_token']}") as http:
        assert (await http.get("/oauth/userinfo")).status_code == 401
    assert (await app.trades(code)).json()["error"] == "invalid_grant"


WISH = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "client_id": "banyan",
    "subject_token_type": "urn:banyan:token-type:mandate",
    "actor_token_type": "urn:ietf:params:oauth:token-type:access_token",
}


def bearer(person: Person) -> str:
    """Their own access token."""
    return person.http.headers["authorization"].removeprefix("Bearer ")


async def exchanged(person: Person, mandate_id: str, **changes: str | None) -> Any:
    """What the token endpoint says to who wants to act under the mandate."""
    form = WISH | {"subject_token": mandate_id, "actor_token": bearer(person)} | changes
    async with person.city.browser() as http:
        return await http.post("/oauth/token", data={name: value for name, value in form.items() if value is not None})


async def test_an_app_exchanges_its_own_token_for_one_that_acts(city: City, lin: Person, chen: Person) -> None:
    mandate_id = await accepted(lin, chen)
    city.clock.ahead += timedelta(seconds=300)
    answer = await exchanged(chen, mandate_id, resource=city.settings.base_url)
    assert answer.status_code == 200, answer.text
    tokens = answer.json()
    assert tokens["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
    assert "refresh_token" not in tokens
    claims, own = said(tokens["access_token"]), said(bearer(chen))
    assert (claims["sub"], claims["act"], claims["roles"]) == (lin.id, {"sub": chen.id}, [])
    assert claims["exp"] <= own["exp"], "of no longer life than what it was given for"
    assert tokens["expires_in"] <= city.settings.access_token_seconds - 300
    async with city.browser(authorization=f"Bearer {tokens['access_token']}") as http:
        me = (await http.get("/v1/me")).json()
        assert (me["id"], me["acting"]["name"]) == (lin.id, "陈建国")
        assert (await http.get("/v1/sessions")).json()["code"] == "not_on_behalf"
        assert (await http.get("/v1/cards")).status_code == 200
        uses = (await lin.get(f"/v1/mandates/{mandate_id}/uses")).json()["items"]
        assert [use["what"] for use in uses] == [["cards"]]
        await lin.delete(f"/v1/mandates/{mandate_id}")
        assert (await http.get("/v1/cards")).status_code == 401


async def test_the_exchange_keeps_to_the_reach_of_the_mandate(city: City, app: App, lin: Person, chen: Person) -> None:
    looks = (await exchanged(chen, await accepted(lin, chen, reach="look"))).json()["access_token"]
    library = (await exchanged(chen, await accepted(lin, chen, app_ids=["library"]))).json()["access_token"]
    async with city.browser(authorization=f"Bearer {looks}") as http:
        assert (await http.post("/v1/inbox/read", json={"up_to": 0})).json()["code"] == "mandate_too_narrow"
    async with city.browser(authorization=f"Bearer {library}") as http:
        assert (await http.get("/v1/cards")).json()["code"] == "mandate_too_narrow"
        assert (await http.post("/v1/miniapps/library/launch")).json()["code"] == "consent_required"


async def test_what_cannot_be_exchanged_is_told_as_the_standard_names_it(city: City, lin: Person, chen: Person) -> None:
    mandate_id, over = await accepted(lin, chen), await accepted(lin, chen)
    await lin.delete(f"/v1/mandates/{over}")
    acts = (await exchanged(chen, mandate_id)).json()["access_token"]
    before = len(await city.rows("SELECT 1 FROM core_session"))
    for changes, error in (
        ({"actor_token": acts}, "invalid_request"),
        ({"actor_token": bearer(lin)}, "invalid_request"),
        ({"actor_token": "x\u0000"}, "invalid_request"),
        ({"actor_token": None}, "invalid_request"),
        ({"subject_token": over}, "invalid_request"),
        ({"subject_token": lin.id}, "invalid_request"),
        ({"subject_token": "x\u0000"}, "invalid_request"),
        ({"subject_token": None}, "invalid_request"),
        ({"subject_token_type": WISH["actor_token_type"]}, "invalid_request"),
        ({"actor_token_type": None}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:jwt"}, "invalid_request"),
        ({"scope": "profile:read"}, "invalid_scope"),
        ({"resource": "https://elsewhere.example"}, "invalid_target"),
        ({"audience": "library"}, "invalid_target"),
        ({"client_id": "library"}, "unauthorized_client"),
    ):
        answer = await exchanged(chen, mandate_id, **changes)
        assert (answer.status_code, answer.json()["error"]) == (400, error), changes
    assert len(await city.rows("SELECT 1 FROM core_session")) == before
    async with city.browser() as http:
        grants = (await http.get("/.well-known/openid-configuration")).json()["grant_types_supported"]
    assert WISH["grant_type"] in grants


async def test_what_was_exchanged_ends_with_the_sign_in_that_it_came_from(
    city: City, lin: Person, chen: Person
) -> None:
    token = (await exchanged(chen, await accepted(lin, chen))).json()["access_token"]
    await chen.delete("/v1/sign-in/sessions/current")
    async with city.browser(authorization=f"Bearer {token}") as http:
        assert (await http.get("/v1/me")).status_code == 401


async def test_nobody_acts_for_one_who_acts_for_another(city: City, lin: Person, chen: Person) -> None:
    wang = await city.person("+8613800000003", "王珊")
    hers = await accepted(wang, lin)
    acts = (await exchanged(chen, await accepted(lin, chen))).json()["access_token"]
    answer = await exchanged(chen, hers, actor_token=acts)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    async with browser_of(chen) as http:
        await switch(http, await accepted(lin, chen))
        assert (await switch(http, hers)).status_code == 409

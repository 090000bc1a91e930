"""Tokens of who acts for another: they say for whom and who, and are over with the mandate."""

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

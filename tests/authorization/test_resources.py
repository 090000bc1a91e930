"""What tokens are for (RFC 8707): the city itself, and nothing else; it takes no token that is for something else."""

from typing import Any

import httpx2
import jwt
import pytest

from app_server.kernel.tokens import sign
from tests.actors import Person
from tests.authorization.relying_parties import Browser, question, registered, tokens, told
from tests.authorization.test_client_sessions import SCOPES, Keyed, code_for, name_seen, opened, refreshed, sent
from tests.city import City

OTHERS = [
    "https://api.example",
    "http://localhost:8000/",
    "HTTP://localhost:8000",
    "http://localhost:8001",
    "http://library.localhost:8000",
    "http://localhost:8000/oauth/userinfo",
    "http://localhost:8000#x",
    "localhost:8000",
    "x",
    "*",
    "\u200bhttp://localhost:8000",
]


@pytest.fixture
async def clinic(provider: Person) -> str:
    return await registered(provider, scopes=SCOPES)


@pytest.mark.parametrize("resource", OTHERS[:-1])
async def test_a_token_for_something_else_cannot_be_asked_for(
    city: City, clinic: str, lin: Person, resource: str
) -> None:
    asked = question(clinic, resource=resource)
    assert told(await Browser(city, lin).asks(asked))["error"] == "invalid_target"
    assert (await sent(city, "/oauth/par", **asked)).json()["error"] == "invalid_target"


@pytest.mark.parametrize("resource", OTHERS)
async def test_nor_at_the_token_endpoint_in_any_grant(
    city: City, provider: Person, clinic: str, lin: Person, resource: str
) -> None:
    keyed = Keyed(city)
    await keyed.register(provider)
    code = await code_for(city, clinic, lin)
    answers = [await tokens(city, clinic, code, resource=resource)]
    body = (await tokens(city, clinic, code)).json()  # nothing was used up
    form: dict[str, Any] = {"client_id": clinic, "refresh_token": body["refresh_token"], "resource": resource}
    answers.append(await sent(city, "/oauth/token", grant_type="refresh_token", **form))
    own = {"grant_type": "client_credentials", "resource": resource, **keyed.proof()}
    answers.append(await sent(city, "/oauth/token", **own))
    assert {(answer.status_code, answer.json()["error"]) for answer in answers} == {(400, "invalid_target")}
    assert (await refreshed(city, clinic, body["refresh_token"])).status_code == 200


async def test_the_city_is_what_tokens_are_for_said_or_not(city: City, clinic: str, lin: Person) -> None:
    issuer = city.settings.base_url
    code = await code_for(city, clinic, lin, resource=issuer)
    body = (await tokens(city, clinic, code, resource=issuer)).json()
    claims = jwt.decode(body["access_token"], options={"verify_signature": False})
    assert claims["aud"] == issuer
    browser = Browser(city, lin)
    for more in (issuer, ""):
        pairs = httpx2.QueryParams([*question(clinic, resource=issuer).items(), ("resource", more)])
        assert (await browser.http.get("/authorize", params=pairs)).status_code == 303
    twice = httpx2.QueryParams([*question(clinic, resource=issuer).items(), ("resource", "https://api.example")])
    assert told(await browser.http.get("/authorize", params=twice))["error"] == "invalid_target"


@pytest.mark.parametrize("audience", [*OTHERS, [], ["https://api.example"], None, {"http://localhost:8000": 1}])
async def test_a_token_of_ours_for_something_else_opens_nothing_here(
    city: City, clinic: str, lin: Person, audience: Any
) -> None:
    body = await opened(city, clinic, lin)
    claims = jwt.decode(body["access_token"], options={"verify_signature": False})
    assert (await name_seen(city, sign(claims, typ="at+jwt", keys=city.state["keys"]))).status_code == 200
    other = sign(claims | {"aud": audience}, typ="at+jwt", keys=city.state["keys"])
    assert (await name_seen(city, other)).status_code == 401
    assert (await name_seen(city, body["id_token"])).status_code == 401

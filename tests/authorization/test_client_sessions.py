"""What a client holds for a resident: refresh tokens while she allows it, given back, asked about, and ended."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from jwt.algorithms import ECAlgorithm

from app_server.identity.locks import lock_resident
from tests.actors import Person
from tests.authorization.relying_parties import CLINIC, PROMISE, Browser, question, registered, tokens, told
from tests.city import City

AWAY = {"scope": "offline_access", "required": True, **PROMISE}
SCOPES = [*CLINIC["scopes"], AWAY]
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture
async def clinic(provider: Person) -> str:
    """A client without a key that may act while the resident is away."""
    return await registered(provider, scopes=SCOPES)


@pytest.fixture
async def lin(city: City) -> Person:
    """A resident."""
    return await city.person()


async def opened(city: City, client: str, person: Person, scope: str = "openid profile offline_access") -> Any:
    """The client's tokens after she allowed it."""
    return (await tokens(city, client, await code_for(city, client, person, scope))).json()


async def code_for(
    city: City, client: str, person: Person, scope: str = "openid profile offline_access", **asked: str
) -> str:
    """The code that the client gets after she allowed it."""
    browser = Browser(city, person)
    answer = await browser.asks(question(client, scope=scope, **asked))
    if answer.status_code == 200:
        answer = await browser.presses(answer, answer="allow")
    return told(answer)["code"]


async def sent(city: City, path: str, **form: str) -> httpx2.Response:
    async with city.browser() as http:
        return await http.post(path, data=form)


async def refreshed(city: City, client: str, refresh_token: str) -> httpx2.Response:
    return await sent(city, "/oauth/token", grant_type="refresh_token", client_id=client, refresh_token=refresh_token)


async def name_seen(city: City, access_token: str) -> httpx2.Response:
    async with city.browser(authorization=f"Bearer {access_token}") as http:
        return await http.get("/oauth/userinfo")


async def test_a_client_goes_on_while_the_resident_is_away(city: City, clinic: str, lin: Person) -> None:
    first = await opened(city, clinic, lin)
    assert set(first["scope"].split()) == {"openid", "profile", "offline_access"}
    await lin.delete("/v1/sign-in/sessions/current")
    second = await refreshed(city, clinic, first["refresh_token"])
    assert second.status_code == 200, second.text
    assert second.json()["refresh_token"] != first["refresh_token"]
    assert (await name_seen(city, second.json()["access_token"])).json()["name"] == "林依婷"


async def test_without_that_leave_it_ends_when_she_signs_out(city: City, clinic: str, lin: Person) -> None:
    body = await opened(city, clinic, lin, scope="openid profile")
    assert "refresh_token" not in body
    assert (await name_seen(city, body["access_token"])).status_code == 200
    await lin.delete("/v1/sign-in/sessions/current")
    assert (await name_seen(city, body["access_token"])).status_code == 401


async def test_a_lost_answer_gets_the_same_successor_and_a_copy_ends_it_all(
    city: City, clinic: str, lin: Person
) -> None:
    first = (await opened(city, clinic, lin))["refresh_token"]
    answers = await asyncio.gather(*(refreshed(city, clinic, first) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    (second,) = {answer.json()["refresh_token"] for answer in answers}
    city.clock.ahead = timedelta(minutes=1)
    assert (await refreshed(city, clinic, first)).json()["error"] == "invalid_grant"
    assert (await refreshed(city, clinic, second)).json()["error"] == "invalid_grant"
    assert (await lin.get("/v1/me")).status_code == 200  # her own session is another


async def test_a_code_whose_answer_was_lost_gives_the_same_session_and_refresh_token(
    city: City, clinic: str, lin: Person
) -> None:
    code = await code_for(city, clinic, lin)
    answers = await asyncio.gather(*(tokens(city, clinic, code) for _ in range(100)))
    answers.append(await tokens(city, clinic, code))
    assert {answer.status_code for answer in answers} == {200}
    (given,) = {answer.json()["refresh_token"] for answer in answers}
    assert len(await city.rows("SELECT 1 FROM core_session WHERE client_id = $1", clinic)) == 1
    family = "SELECT 1 FROM core_refresh_token t JOIN core_session s ON s.id = t.session_id WHERE s.client_id = $1"
    assert len(await city.rows(family, clinic)) == 1
    next_one = (await refreshed(city, clinic, given)).json()["refresh_token"]
    assert (await tokens(city, clinic, code)).json()["error"] == "invalid_grant"  # it has arrived
    assert (await refreshed(city, clinic, next_one)).status_code == 200  # that was no theft yet


@pytest.mark.parametrize("how", ["signed out", "locked", "given back", "not allowed any more"])
async def test_what_has_ended_is_not_given_again(city: City, clinic: str, lin: Person, how: str) -> None:
    scope = "openid profile" if how == "signed out" else "openid profile offline_access"
    code = await code_for(city, clinic, lin, scope)
    body = (await tokens(city, clinic, code)).json()
    if how == "signed out":
        await lin.delete("/v1/sign-in/sessions/current")
    elif how == "locked":
        await lock_resident(UUID(lin.id), reason="stolen phone", by="test", now=city.clock())
    elif how == "given back":
        await sent(city, "/oauth/revoke", client_id=clinic, token=body["refresh_token"])
    else:
        for consent in (await lin.get("/v1/consents")).json()["items"]:
            await lin.delete(f"/v1/consents/{consent['id']}")
    assert (await tokens(city, clinic, code)).json()["error"] == "invalid_grant"


async def test_a_refresh_token_is_its_clients_and_nobody_elses(
    city: City, provider: Person, clinic: str, lin: Person
) -> None:
    token = (await opened(city, clinic, lin))["refresh_token"]
    other = await registered(provider, scopes=SCOPES)
    assert (await refreshed(city, other, token)).json()["error"] == "invalid_grant"
    assert (await refreshed(city, "banyan", token)).json()["error"] == "invalid_grant"
    assert (await refreshed(city, clinic, lin.refresh_token)).json()["error"] == "invalid_grant"
    assert (await refreshed(city, clinic, token)).status_code == 200
    assert (await refreshed(city, "banyan", lin.refresh_token)).status_code == 200


@pytest.mark.parametrize("scope", ["offline_access", "openid"])
async def test_what_she_takes_back_ends_at_once_and_for_good(city: City, clinic: str, lin: Person, scope: str) -> None:
    body = await opened(city, clinic, lin)
    for consent in (await lin.get("/v1/consents")).json()["items"]:
        if consent["scope"] == scope:
            await lin.delete(f"/v1/consents/{consent['id']}")
    assert (await name_seen(city, body["access_token"])).status_code == 401
    await opened(city, clinic, lin)  # she allows it again; what was given before stays over
    assert (await refreshed(city, clinic, body["refresh_token"])).json()["error"] == "invalid_grant"


async def test_each_token_is_a_look_of_its_own_in_her_ledger(city: City, clinic: str, lin: Person) -> None:
    body = await opened(city, clinic, lin)
    for _ in range(2):
        assert (await name_seen(city, body["access_token"])).status_code == 200
    body = (await refreshed(city, clinic, body["refresh_token"])).json()
    assert (await name_seen(city, body["access_token"])).status_code == 200
    assert len((await lin.get("/v1/ledger")).json()["items"]) == 2


async def test_a_locked_account_gets_no_token_by_any_path(city: City, clinic: str, lin: Person) -> None:
    body = await opened(city, clinic, lin)
    (row,) = await city.rows("SELECT id FROM core_resident WHERE id::text = $1", lin.id)
    await lock_resident(row["id"], reason="stolen phone", by="test", now=city.clock())
    assert (await refreshed(city, clinic, body["refresh_token"])).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("which", ["refresh_token", "access_token"])
async def test_a_client_gives_a_token_back_and_all_that_belongs_to_it_ends(
    city: City, provider: Person, clinic: str, lin: Person, which: str
) -> None:
    body = await opened(city, clinic, lin)
    other = await registered(provider, scopes=SCOPES)
    assert (await sent(city, "/oauth/revoke", client_id=other, token=body[which])).status_code == 200
    assert (await name_seen(city, body["access_token"])).status_code == 200  # not the other's to give back
    for _ in range(2):
        assert (await sent(city, "/oauth/revoke", client_id=clinic, token=body[which])).status_code == 200
    assert (await name_seen(city, body["access_token"])).status_code == 401
    assert (await refreshed(city, clinic, body["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await lin.get("/v1/me")).status_code == 200


async def test_the_resident_app_may_give_back_its_own(city: City, lin: Person) -> None:
    assert (await sent(city, "/oauth/revoke", client_id="banyan", token=lin.refresh_token)).status_code == 200
    assert (await lin.get("/v1/me")).status_code == 401


async def test_nonsense_is_given_back_without_a_word_and_a_request_without_token_is_refused(
    city: City, clinic: str
) -> None:
    for token in ("br_nothing", "eyJ.x.y", "x" * 10_000, "榕"):
        assert (await sent(city, "/oauth/revoke", client_id=clinic, token=token)).status_code == 200
    missing = await sent(city, "/oauth/revoke", client_id=clinic)
    assert (missing.status_code, missing.json()["error"]) == (400, "invalid_request")
    unknown = await sent(city, "/oauth/revoke", client_id="nobody", token="x")
    assert (unknown.status_code, unknown.json()["error"]) == (401, "invalid_client")


class Keyed:
    """A client with a key of its own."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.key = generate_private_key(SECP256R1())
        self.id = ""

    async def register(self, provider: Person) -> None:
        """Have its public key registered."""
        jwk = ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True) | {"kid": "1"}
        self.id = await registered(provider, scopes=SCOPES, proof="private_key_jwt", public_keys=[jwk])

    def proof(self) -> dict[str, str]:
        """Who it is, signed anew."""
        now = int(self.city.clock().timestamp())
        claims = {"iss": self.id, "sub": self.id, "aud": self.city.settings.base_url, "iat": now, "exp": now + 60}
        signed = jwt.encode(claims | {"jti": str(uuid4())}, self.key, algorithm="ES256", headers={"kid": "1"})
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}


async def test_a_client_with_a_key_asks_what_its_tokens_are_worth(city: City, provider: Person, lin: Person) -> None:
    keyed = Keyed(city)
    await keyed.register(provider)
    browser = Browser(city, lin)
    page = await browser.asks(question(keyed.id, scope="openid profile offline_access"))
    code = told(await browser.presses(page, answer="allow"))["code"]
    assert (await tokens(city, keyed.id, code)).json()["error"] == "invalid_client"  # an id alone is no proof
    body = (await tokens(city, keyed.id, code, **keyed.proof())).json()
    for which in ("access_token", "refresh_token"):
        state = (await sent(city, "/oauth/introspect", token=body[which], **keyed.proof())).json()
        assert (state["active"], state["client_id"]) == (True, keyed.id)
        assert set(state["scope"].split()) >= {"profile", "offline_access"}
        assert state["exp"] > city.clock().timestamp()
    for foreign in (lin.refresh_token, lin.http.headers["authorization"].removeprefix("Bearer "), "eyJ", "br_x"):
        answer = await sent(city, "/oauth/introspect", token=foreign, **keyed.proof())
        assert answer.json() == {"active": False}
    repeated = keyed.proof()
    await sent(city, "/oauth/introspect", token="x", **repeated)
    assert (await sent(city, "/oauth/introspect", token="x", **repeated)).json()["error"] == "invalid_client"
    await sent(city, "/oauth/revoke", token=body["refresh_token"], **keyed.proof())
    for which in ("access_token", "refresh_token"):
        state = (await sent(city, "/oauth/introspect", token=body[which], **keyed.proof())).json()
        assert state == {"active": False}


async def test_a_client_without_a_key_cannot_ask(city: City, clinic: str, lin: Person) -> None:
    token = (await opened(city, clinic, lin))["access_token"]
    refused = await sent(city, "/oauth/introspect", client_id=clinic, token=token)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/introspect"])
async def test_what_is_no_form_is_refused_as_the_standard_orders(city: City, path: str) -> None:
    bodies: list[dict[str, Any]] = [{}, {"json": {"token": "x"}}, {"content": b"a=1&a=2"}]
    async with city.browser() as http:
        for options in bodies:
            answer = await http.post(path, **options)
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_refresh_token_that_comes_again_later_ends_the_session_and_she_hears_of_it(
    city: City, clinic: str, lin: Person
) -> None:
    first = (await opened(city, clinic, lin))["refresh_token"]
    second = (await refreshed(city, clinic, first)).json()["refresh_token"]
    city.clock.ahead = timedelta(minutes=1)
    for stolen in (first, second, first):
        assert (await refreshed(city, clinic, stolen)).json()["error"] == "invalid_grant"
    await city.work()
    (notice,) = (await lin.get("/v1/inbox")).json()["items"]
    assert notice["title"] == "为了安全，我们结束了您的一次登录"
    assert "福州诊所" in notice["body"]

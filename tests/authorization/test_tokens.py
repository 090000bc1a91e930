"""A mini-app proves itself, trades a launch for tokens, and learns no more than the resident allows."""

import asyncio
import base64
import hashlib
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.utils import base64url_encode

from app_server.authorization.client_proof import ASSERTION_TYPE
from app_server.authorization.service import mint_code
from app_server.registry import service as registry
from app_server.registry.published import listings
from tests.actors import Person
from tests.city import City
from tests.factories import LIBRARY_MANIFEST, NOWHERE, consent, subject
from tests.round_trips import RoundTrips

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
OWN_ORIGIN = "http://library.localhost:8000/"
EVERYTHING = ("profile:read", "cards:issue", "notices:send")


class App:
    """The back end of a mini-app, with its own key."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.key = Ed25519PrivateKey.generate()

    async def publish(self) -> None:
        """Have it listed with the public half of its key."""
        x = base64url_encode(self.key.public_key().public_bytes_raw()).decode()
        await registry.register_listing(
            manifest=LIBRARY_MANIFEST,
            public_keys=[{"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": x}],
            endpoint=NOWHERE,
            organisation_id=await registry.found_organisation("Fuzhou Library"),
            by=registry.By(kind="operator", id="seed"),
            clock=self.city.clock,
        )
        await listings(self.city.state).refresh()

    def assertion(self, key: Ed25519PrivateKey | None = None, **changes: Any) -> str:
        """A signed proof of who it is."""
        now, issuer = int(self.city.clock().timestamp()), self.city.settings.base_url
        claims = {"iss": "library", "sub": "library", "aud": issuer, "iat": now, "exp": now + 60, "jti": str(uuid4())}
        claims = {name: value for name, value in (claims | changes).items() if value is not None}
        return jwt.encode(claims, key or self.key, algorithm="EdDSA", headers={"kid": "1"})

    async def asks(self, **form: Any) -> Any:
        """POST /oauth/token with a fresh assertion unless the form has one."""
        body = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self.assertion()} | form
        async with self.city.browser() as http:
            return await http.post("/oauth/token", data={k: v for k, v in body.items() if v is not None})

    async def code(self, person: Person, **changes: Any) -> str:
        """What the gateway puts into a launch's address."""
        client = self.city.state["ports"].clients.find("library")
        assert client is not None
        session = (await self.city.rows("SELECT id FROM core_session WHERE resident_id = $1", UUID(person.id)))[0]["id"]
        bound: dict[str, Any] = {
            "redirect_uri": OWN_ORIGIN,
            "code_challenge": CHALLENGE,
            "launch_id": uuid4(),
            "session_id": session,
        } | changes
        return await mint_code(client=client, resident_id=UUID(person.id), state=self.city.state, **bound)

    async def trades(self, code: str, **changes: Any) -> Any:
        """Redeem a launch code."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": OWN_ORIGIN,
            "code_verifier": VERIFIER,
        }
        return await self.asks(**(form | changes))


@pytest.fixture
async def app(city: City) -> App:
    """The library, published."""
    made = App(city)
    await made.publish()
    return made


@pytest.fixture
async def lin(city: City, app: App) -> Person:
    """A resident who allows the library everything it asks."""
    person = await city.person()
    await consent(city, person, EVERYTHING)
    return person


async def test_a_launch_becomes_tokens_with_a_pairwise_subject(city: City, app: App, lin: Person) -> None:
    launch_id = uuid4()
    answer = await app.trades(await app.code(lin, launch_id=launch_id))
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    async with city.browser() as http:
        keys = jwt.PyJWKSet.from_dict((await http.get("/.well-known/jwks.json")).json())
    kid = jwt.get_unverified_header(body["id_token"])["kid"]
    claims = jwt.decode(body["id_token"], keys[kid], algorithms=["ES256"], audience="library")
    assert claims["iss"] == city.settings.base_url
    assert claims["sub"] == subject(city, lin)
    assert claims["nonce"] == str(launch_id)
    assert lin.id not in answer.text
    for part in (*body["access_token"].split(".")[:2], *body["id_token"].split(".")[:2]):
        assert lin.id.encode() not in base64.urlsafe_b64decode(part + "==")


async def test_a_name_is_told_only_where_it_is_allowed_and_the_resident_sees_that_it_was(
    city: City, app: App, lin: Person
) -> None:
    token = (await app.trades(await app.code(lin))).json()["access_token"]
    async with city.browser(authorization=f"Bearer {token}") as http:
        assert (await http.get("/oauth/userinfo")).json()["name"] == "林依婷"
        assert (await http.get("/oauth/userinfo")).json()["name"] == "林依婷"
        seen = (await lin.get("/v1/ledger")).json()["items"]
        assert [(entry["who"]["kind"], entry["fields"]) for entry in seen] == [("miniapp", ["name"])]
        standing = (await lin.get("/v1/consents")).json()["items"]
        profile = next(item for item in standing if item["scope"] == "profile:read")
        assert (await lin.delete(f"/v1/consents/{profile['id']}")).status_code == 204
        assert (await lin.delete(f"/v1/consents/{profile['id']}")).status_code == 204
        assert "name" not in (await http.get("/oauth/userinfo")).json()
        assert (await http.get("/v1/me")).status_code == 403
    stranger = await city.person("+8613800000009")
    assert (await stranger.delete(f"/v1/consents/{profile['id']}")).status_code == 404
    await city.work()
    jobs = await city.rows("SELECT state FROM core_job WHERE name LIKE 'consent_withdrawn%'")
    assert len(jobs) == 1


async def test_a_launch_costs_one_commit_and_one_question_for_the_language(
    city: City, app: App, lin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = await app.code(lin)
    trips = RoundTrips(monkeypatch, city)
    assert (await app.trades(code)).status_code == 200
    assert (trips.redis, len(trips.sql)) == (0, 2), trips.sql


async def test_a_code_of_a_launch_is_one_launch_for_a_hundred_at_once(city: City, app: App, lin: Person) -> None:
    launch_id = uuid4()
    code = await app.code(lin, launch_id=launch_id)
    answers = await asyncio.gather(*(app.trades(code) for _ in range(100)))
    answers.append(await app.trades(code))  # the hundred may have been one statement; this one is another
    assert {answer.status_code for answer in answers} == {200}
    said = [jwt.decode(answer.json()["access_token"], options={"verify_signature": False}) for answer in answers]
    assert {claims["launch_id"] for claims in said} == {str(launch_id)}
    (hers,) = await city.rows("SELECT id FROM core_session")
    for answer, claims in zip(answers, said, strict=True):  # what two apps could compare is in neither token
        id_claims = jwt.decode(answer.json()["id_token"], options={"verify_signature": False})
        assert str(hers["id"]) not in f"{claims} {id_claims}"
    city.clock.ahead = timedelta(seconds=31)
    late = await app.trades(code)
    assert (late.status_code, late.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "http://library.localhost:8000"},
        {"redirect_uri": "http://library.localhost:8000/other"},
        {"redirect_uri": "http://evil.localhost:8000/"},
        {"redirect_uri": "http://library.localhost:8000/\0"},
        {"code_verifier": "w" * 43},
    ],
)
async def test_a_code_is_bound_to_origin_and_verifier(app: App, lin: Person, changes: dict[str, str]) -> None:
    code = await app.code(lin)
    refused = await app.trades(code, **changes)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert (await app.trades("guess")).json()["error"] == "invalid_grant"
    assert (await app.trades(code)).status_code == 200


async def test_a_code_lives_a_minute(city: City, app: App, lin: Person) -> None:
    code = await app.code(lin)
    city.clock.ahead = timedelta(seconds=61)
    assert (await app.trades(code)).json()["error"] == "invalid_grant"


async def test_a_proof_is_good_once(app: App) -> None:
    proof = app.assertion()
    first, second = await asyncio.gather(
        *(app.asks(grant_type="client_credentials", client_assertion=proof) for _ in range(2))
    )
    assert sorted([first.status_code, second.status_code]) == [200, 401]


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "http://localhost:9999"},
        {"iss": "other"},
        {"sub": "other"},
        {"jti": None},
        {"jti": "short"},
        {"jti": "no text for a table \0"},
        {"exp": None},
        {"exp": 1},
        {"exp": 9_999_999_999},
    ],
)
async def test_a_wrong_proof_is_told_why(app: App, changes: dict[str, Any]) -> None:
    refused = await app.asks(grant_type="client_credentials", client_assertion=app.assertion(**changes))
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert refused.json()["error_description"]


async def test_another_key_does_not_prove_the_app(app: App) -> None:
    other = app.assertion(Ed25519PrivateKey.generate())
    assert (await app.asks(grant_type="client_credentials", client_assertion=other)).status_code == 401


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials", "scope": "profile:read"}, "invalid_scope"),
        ({"grant_type": "client_credentials", "client_assertion_type": "other"}, "invalid_client"),
        ({"grant_type": "client_credentials", "client_assertion": "junk"}, "invalid_client"),
        ({"grant_type": "client_credentials", "client_id": "nobody"}, "invalid_client"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "br_junk"}, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "x", "client_id": "library"}, "invalid_grant"),
    ],
)
async def test_a_wrong_request_gets_the_error_that_the_standard_names(
    app: App, form: dict[str, str], error: str
) -> None:
    refused = await app.asks(**form)
    assert refused.json()["error"] == error
    assert refused.status_code in (400, 401)


async def test_a_field_that_stands_twice_is_refused(city: City) -> None:
    async with city.browser() as http:
        twice = await http.post(
            "/oauth/token",
            content="grant_type=refresh_token&grant_type=client_credentials",
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
    assert twice.status_code == 400
    assert twice.json()["error"] == "invalid_request"


async def test_more_looks_at_once_than_there_are_connections_are_all_answered(
    city: City, app: App, lin: Person
) -> None:
    token = (await app.trades(await app.code(lin))).json()["access_token"]
    async with city.browser(authorization=f"Bearer {token}") as http, asyncio.timeout(20):
        looks = [http.get("/oauth/userinfo") for _ in range(3 * city.settings.database_pool)]
        assert {look.status_code for look in await asyncio.gather(*looks)} == {200}


async def test_a_suspended_app_gets_no_token_and_its_tokens_die(city: City, app: App, lin: Person) -> None:
    token = (await app.trades(await app.code(lin))).json()["access_token"]
    code = await app.code(lin)
    operator = await city.person("+8613800000007", roles=("operator",))
    stopped = await operator.post("/v1/operator/listings/library/suspension", json={"reason": "It leaks names."})
    assert stopped.status_code == 200, stopped.text
    await listings(city.state).refresh()
    assert (await app.trades(code)).json()["error"] == "invalid_client"
    async with city.browser(authorization=f"Bearer {token}") as http:
        assert (await http.get("/oauth/userinfo")).status_code == 401


async def test_a_session_that_ends_takes_the_apps_tokens_with_it(city: City, app: App, lin: Person) -> None:
    token = (await app.trades(await app.code(lin))).json()["access_token"]
    async with city.browser(authorization=f"Bearer {token}") as http:
        assert (await http.get("/oauth/userinfo")).status_code == 200
        await lin.delete("/v1/sign-in/sessions/current")
        assert (await http.get("/oauth/userinfo")).status_code == 401


async def test_what_an_app_does_not_ask_for_cannot_be_allowed(city: City, app: App) -> None:
    person = await city.person()
    refused = await person.post("/v1/consents", json={"app_id": "library", "scopes": ["everything:read"]})
    assert (refused.status_code, refused.json()["code"]) == (400, "scope_unknown")
    assert (await person.get("/v1/consents")).json()["items"] == []
    unknown = await person.post("/v1/consents", json={"app_id": "nobody", "scopes": ["profile:read"]})
    assert unknown.status_code == 404
    twice = [
        await person.post("/v1/consents", json={"app_id": "library", "scopes": ["profile:read"]}) for _ in range(2)
    ]
    assert [answer.status_code for answer in twice] == [201, 201]
    assert len((await person.get("/v1/consents")).json()["items"]) == 1


async def test_the_discovery_document_names_only_what_is_there(city: City) -> None:
    async with city.browser() as http:
        said = (await http.get("/.well-known/openid-configuration")).json()
        assert said["issuer"] == city.settings.base_url
        for member in ("token_endpoint", "userinfo_endpoint", "jwks_uri"):
            path = said[member].removeprefix(city.settings.base_url)
            method = "POST" if member == "token_endpoint" else "GET"
            assert (await http.request(method, path)).status_code != 404

"""Tokens that are bound to a key (DPoP, RFC 9449): nobody else can use them, and no proof is good twice."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx2
import jwt
import pytest

from app_server.authorization.proofs import CLOCKS, REMEMBERED, WINDOW, UsedProofs
from app_server.kernel.problems import TemporarilyUnavailable
from app_server.kernel.redis import RedisUnavailable
from tests.actors import Person
from tests.authorization.holders import Holder
from tests.authorization.relying_parties import CLINIC, PLACE, PROMISE, VERIFIER, Browser, question, registered, told
from tests.authorization.test_client_sessions import Keyed, code_for, name_seen, refreshed, sent
from tests.city import City
from tests.round_trips import RoundTrips

SCOPES = [*CLINIC["scopes"], {"scope": "offline_access", "required": True, **PROMISE}]


@pytest.fixture
async def clinic(provider: Person) -> str:
    return await registered(provider, scopes=SCOPES)


@pytest.fixture(params=["ES256", "Ed25519"])
def holder(city: City, request: pytest.FixtureRequest) -> Holder:
    return Holder(city, request.param)


async def traded(holder: Holder, client: str, code: str, **form: str) -> httpx2.Response:
    """The code for tokens, with a proof."""
    asked = {"grant_type": "authorization_code", "client_id": client, "code": code}
    return await holder.posts("/oauth/token", **(asked | {"redirect_uri": PLACE, "code_verifier": VERIFIER} | form))


async def renewed(holder: Holder, client: str, refresh_token: str) -> httpx2.Response:
    form = {"grant_type": "refresh_token", "client_id": client, "refresh_token": refresh_token}
    return await holder.posts("/oauth/token", **form)


async def test_a_bound_token_opens_with_its_key_and_not_without(
    city: City, clinic: str, lin: Person, holder: Holder
) -> None:
    answer = await traded(holder, clinic, await code_for(city, clinic, lin))
    assert (answer.status_code, answer.json()["token_type"]) == (200, "DPoP"), answer.text
    token = answer.json()["access_token"]
    assert jwt.decode(token, options={"verify_signature": False})["cnf"] == {"jkt": holder.jkt}
    assert (await holder.looks(token)).json()["name"] == "林依婷"
    assert (await name_seen(city, token)).status_code == 401  # as a Bearer
    thief = await Holder(city).looks(token)
    assert (thief.status_code, thief.json()["code"]) == (401, "sign_in_required")
    assert thief.headers["www-authenticate"].startswith('DPoP algs="ES256 Ed25519 EdDSA", error="invalid_token"')


async def test_an_unbound_token_does_not_open_with_a_proof(city: City, clinic: str, lin: Person) -> None:
    holder = Holder(city)
    form = {"grant_type": "authorization_code", "client_id": clinic, "redirect_uri": PLACE, "code_verifier": VERIFIER}
    token = (await sent(city, "/oauth/token", **form, code=await code_for(city, clinic, lin))).json()["access_token"]
    assert (await name_seen(city, token)).status_code == 200
    assert (await holder.looks(token)).status_code == 401
    own = lin.http.headers["authorization"].removeprefix("Bearer ")
    assert (await holder.looks(own, "/v1/me")).status_code == 401
    cookie = await holder.looks(lin.cookie, "/v1/me")
    assert cookie.status_code == 401


async def test_the_nonce_is_asked_for_and_given_with_every_answer(city: City, clinic: str, lin: Person) -> None:
    holder, code = Holder(city), await code_for(city, clinic, lin)
    first = await traded(holder, clinic, code, proof=holder.proof("POST", "/oauth/token"))
    assert (first.status_code, first.json()["error"]) == (400, "use_dpop_nonce")
    holder.nonce = first.headers["dpop-nonce"]
    answer = await traded(holder, clinic, code)
    assert answer.headers["dpop-nonce"] == first.headers["dpop-nonce"]
    token = answer.json()["access_token"]
    for nonce in ("", "x" * 43, "\ud800"):
        refused = await holder.looks(token, nonce=nonce)
        assert 'error="use_dpop_nonce"' in refused.headers["www-authenticate"]
        assert refused.headers["dpop-nonce"] == first.headers["dpop-nonce"]
    city.clock.ahead = timedelta(seconds=WINDOW)
    assert (await holder.looks(token, nonce=first.headers["dpop-nonce"])).status_code == 200
    city.clock.ahead = timedelta(seconds=2 * WINDOW)
    assert (await holder.looks(token, nonce=first.headers["dpop-nonce"])).status_code == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"jti": None},
        {"jti": "short"},
        {"jti": 12345678},
        {"jti": "\ud800 no UTF-8"},
        {"htm": "POST"},
        {"htm": "get"},
        {"htm": None},
        {"htu": None},
        {"htu": "http://localhost:8000/oauth/token"},
        {"htu": "http://localhost:8001/oauth/userinfo"},
        {"htu": "https://localhost:8000/oauth/userinfo"},
        {"htu": "http://else.example:8000/oauth/userinfo"},
        {"htu": "http://me@localhost:8000/oauth/userinfo"},
        {"htu": "http://localhost:8000/oauth/userinfo/"},
        {"htu": "http://localhost:99999/oauth/userinfo"},
        {"htu": "http://[/oauth/userinfo"},
        {"htu": "/oauth/userinfo"},
        {"htu": ["http://localhost:8000/oauth/userinfo"]},
        {"iat": None},
        {"iat": "1"},
        {"iat": True},
        {"iat": 1.5},
        {"iat": 10**400},
        {"iat": 1},
        {"ath": None},
        {"ath": "x"},
        {"nonce": 1},
    ],
    ids=str,
)
async def test_a_proof_for_something_else_is_refused(
    city: City, clinic: str, lin: Person, changes: dict[str, Any]
) -> None:
    holder = Holder(city)
    token = (await traded(holder, clinic, await code_for(city, clinic, lin))).json()["access_token"]
    proof = jwt.encode(
        {k: v for k, v in (holder.claims("GET", "/oauth/userinfo", token) | changes).items() if v is not None},
        holder.key,
        algorithm="ES256",
        headers={"typ": "dpop+jwt", "jwk": {name: holder.jwk[name] for name in ("kty", "crv", "x", "y")}},
    )
    async with city.browser() as http:
        refused = await http.get("/oauth/userinfo", headers={"authorization": f"DPoP {token}", "dpop": proof})
    assert refused.status_code == 401
    assert 'error="' in refused.headers["www-authenticate"]


@pytest.mark.parametrize("seconds", [-CLOCKS, CLOCKS])
async def test_a_clock_that_goes_a_little_wrong_is_no_harm(city: City, clinic: str, lin: Person, seconds: int) -> None:
    holder = Holder(city)
    token = (await traded(holder, clinic, await code_for(city, clinic, lin))).json()["access_token"]
    now = int(city.clock().timestamp())
    assert (await holder.looks(token, iat=now + seconds - seconds // 100)).status_code == 200
    assert (await holder.looks(token, iat=now + seconds + seconds // 100)).status_code == 401
    same = f"HTTP://LOCALHOST:{city.settings.base_url.rpartition(':')[2]}/oauth/%75serinfo?a=1#b"
    assert (await holder.looks(token, htu=same)).status_code == 200


async def test_a_proof_is_good_once_however_many_send_it(city: City, clinic: str, lin: Person) -> None:
    holder = Holder(city)
    token = (await traded(holder, clinic, await code_for(city, clinic, lin))).json()["access_token"]
    headers = {"authorization": f"DPoP {token}", "dpop": holder.proof("GET", "/oauth/userinfo", token)}
    async with city.browser(**headers) as http:
        answers = await asyncio.gather(*(http.get("/oauth/userinfo") for _ in range(50)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 49
    twice = httpx2.Headers([("authorization", f"DPoP {token}"), *([("dpop", holder.proof("GET", "/x", token))] * 2)])
    async with city.browser() as http:
        assert (await http.get("/oauth/userinfo", headers=twice)).status_code == 401
        assert (await http.get("/oauth/userinfo", headers={"authorization": f"DPoP {token}"})).status_code == 401


async def test_without_valkey_a_process_remembers_by_itself(
    city: City, clinic: str, lin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*command: object) -> None:
        raise RedisUnavailable("away")

    holder = Holder(city)
    token = (await traded(holder, clinic, await code_for(city, clinic, lin))).json()["access_token"]
    monkeypatch.setattr(city.state["redis"], "call", away)
    headers = {"authorization": f"DPoP {token}", "dpop": holder.proof("GET", "/oauth/userinfo", token)}
    async with city.browser(**headers) as http:
        answers = await asyncio.gather(*(http.get("/oauth/userinfo") for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 19


async def test_the_memory_of_a_process_has_an_end_and_forgets_what_is_over(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*command: object) -> None:
        raise RedisUnavailable("away")

    monkeypatch.setattr("app_server.authorization.proofs.MOST_REMEMBERED", 2)
    monkeypatch.setattr(city.state["redis"], "call", away)
    used, redis = UsedProofs(), city.state["redis"]
    assert [await used.is_first(name, redis, 0.0) for name in ("a", "a", "b")] == [True, False, True]
    with pytest.raises(TemporarilyUnavailable):
        await used.is_first("c", redis, 1.0)
    assert await used.is_first("a", redis, float(REMEMBERED))


async def test_a_client_without_another_proof_renews_with_the_key_alone(
    city: City, clinic: str, lin: Person, holder: Holder
) -> None:
    first = (await traded(holder, clinic, await code_for(city, clinic, lin))).json()["refresh_token"]
    for thief in (await refreshed(city, clinic, first), await renewed(Holder(city), clinic, first)):
        assert (thief.status_code, thief.json()["error"]) == (400, "invalid_grant")
    another = Holder(city)
    await renewed(another, clinic, "br_none")  # knows the nonce
    asked = [renewed(who, clinic, first) for who in (*[another] * 10, *[holder] * 5)]
    answers = await asyncio.gather(*asked)  # traded together: a thief's does not stand before hers
    assert [answer.status_code for answer in answers] == [400] * 10 + [200] * 5
    answers = answers[10:]
    (second,) = {answer.json()["refresh_token"] for answer in answers}
    assert (await refreshed(city, clinic, first)).json()["error"] == "invalid_grant"
    city.clock.ahead = timedelta(minutes=1)
    assert (await renewed(Holder(city), clinic, first)).json()["error"] == "invalid_grant"
    last = await renewed(holder, clinic, second)  # a thief without the key has ended nothing
    assert (last.status_code, last.json()["token_type"]) == (200, "DPoP")
    assert (await holder.looks(last.json()["access_token"])).status_code == 200


async def test_a_client_with_a_key_of_its_own_may_change_the_key_that_its_tokens_are_bound_to(
    city: City, provider: Person, lin: Person
) -> None:
    keyed = Keyed(city)
    await keyed.register(provider)
    code, holder, other = await code_for(city, keyed.id, lin), Holder(city), Holder(city)
    holder.nonce = other.nonce = (await holder.posts("/oauth/token", x="y")).headers["dpop-nonce"]
    body = (await traded(holder, keyed.id, code, **keyed.proof())).json()
    form = {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}
    again = (await other.posts("/oauth/token", **form, **keyed.proof())).json()
    assert (await other.looks(again["access_token"])).status_code == 200
    for holding, tokens in ((holder, body), (other, again)):
        state = (await sent(city, "/oauth/introspect", token=tokens["access_token"], **keyed.proof())).json()
        assert (state["token_type"], state["cnf"]) == ("DPoP", {"jkt": holding.jkt})
    state = (await sent(city, "/oauth/introspect", token=again["refresh_token"], **keyed.proof())).json()
    assert "cnf" not in state
    own = await holder.posts("/oauth/token", grant_type="client_credentials", **keyed.proof())
    assert own.json()["token_type"] == "DPoP"
    refused = await sent(city, "/oauth/introspect", token=own.json()["access_token"], **keyed.proof())
    assert refused.json()["cnf"] == {"jkt": holder.jkt}


async def test_a_code_may_be_bound_from_the_question_on(city: City, clinic: str, lin: Person, holder: Holder) -> None:
    code = await code_for(city, clinic, lin, dpop_jkt=holder.jkt)
    form = {"grant_type": "authorization_code", "client_id": clinic, "redirect_uri": PLACE, "code_verifier": VERIFIER}
    assert (await sent(city, "/oauth/token", **form, code=code)).json()["error"] == "invalid_grant"
    assert (await traded(Holder(city), clinic, code)).json()["error"] == "invalid_grant"
    assert (await traded(holder, clinic, code)).status_code == 200
    assert (await sent(city, "/oauth/token", **form, code=code)).json()["error"] == "invalid_grant"  # not again either
    assert (await traded(Holder(city), clinic, code)).json()["error"] == "invalid_grant"
    assert (await traded(holder, clinic, code)).status_code == 200


@pytest.mark.parametrize("jkt", ["x", "x" * 44, "=" * 43])
async def test_what_is_no_thumbprint_is_told_to_the_client(city: City, clinic: str, lin: Person, jkt: str) -> None:
    answer = told(await Browser(city, lin).asks(question(clinic, dpop_jkt=jkt)))
    assert answer["error"] == "invalid_request"


async def test_a_pushed_request_is_bound_by_its_proof(city: City, clinic: str, lin: Person, holder: Holder) -> None:
    other = await holder.posts("/oauth/par", **question(clinic, dpop_jkt="x" * 43))
    assert (other.status_code, other.json()["error"]) == (400, "invalid_dpop_proof")
    for asked in (question(clinic), question(clinic, dpop_jkt=holder.jkt)):
        pushed = await holder.posts("/oauth/par", **asked)
        assert pushed.status_code == 201, pushed.text
        browser = Browser(city, lin)
        answer = await browser.asks({"client_id": clinic, "request_uri": pushed.json()["request_uri"]})
        if answer.status_code == 200:
            answer = await browser.presses(answer, answer="allow")
        code = told(answer)["code"]
        assert (await traded(Holder(city), clinic, code)).json()["error"] == "invalid_grant"
        assert (await traded(holder, clinic, code)).status_code == 200


async def test_a_client_that_wants_only_bound_tokens_gets_no_other(city: City, provider: Person, lin: Person) -> None:
    client = await registered(provider, scopes=SCOPES, dpop_bound_access_tokens=True)
    (told_back,) = (await provider.get("/v1/provider/clients")).json()["items"]
    assert told_back["dpop_bound_access_tokens"] is True
    code, holder = await code_for(city, client, lin), Holder(city)
    form = {"grant_type": "authorization_code", "client_id": client, "redirect_uri": PLACE, "code_verifier": VERIFIER}
    refused = await sent(city, "/oauth/token", **form, code=code)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    body = (await traded(holder, client, code)).json()
    assert (await refreshed(city, client, body["refresh_token"])).json()["error"] == "invalid_request"
    assert (await renewed(holder, client, body["refresh_token"])).status_code == 200


async def test_the_resident_apps_own_tokens_are_bound_to_no_key(city: City, lin: Person) -> None:
    refused = await renewed(Holder(city), "banyan", lin.refresh_token)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert (await refreshed(city, "banyan", lin.refresh_token)).status_code == 200


async def test_a_bearer_is_checked_without_a_round_trip_and_a_proof_costs_one_to_valkey(
    city: City, clinic: str, lin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = Holder(city)
    token = (await traded(holder, clinic, await code_for(city, clinic, lin))).json()["access_token"]
    own = lin.http.headers["authorization"]
    trips = RoundTrips(monkeypatch, city)
    async with city.browser(authorization=own) as http:
        assert (await http.get("/oauth/userinfo")).status_code == 403  # known, and no mini-app
    assert (trips.redis, trips.sql) == (0, [])
    assert (await holder.looks(token, "/v1/me")).status_code == 403
    assert (trips.redis, trips.sql) == (1, [])

"""What the OpenID Foundation's test plans ask of a provider, module by module: `test_<module>`.

docs/conformance.md maps each name of its plans to a test here, or says why there is none. The words are ours; what a
module asks is told by its plan.
"""

from dataclasses import dataclass
from datetime import timedelta
from re import findall
from typing import Any

import httpx2
import jwt
import pytest

from tests.actors import Person
from tests.authorization.relying_parties import (
    CLINIC,
    PLACE,
    PROMISE,
    Browser,
    claims_of,
    question,
    registered,
    tokens,
    told,
)
from tests.city import City

SCOPES = [*CLINIC["scopes"], {"scope": "offline_access", "required": False, **PROMISE}]
TICKED = {"scope:phone": "on", "scope:offline_access": "on"}


@dataclass
class Party:
    """A relying party, and the browser of the resident who signs in to it."""

    city: City
    client: str
    lin: Person
    browser: Browser

    async def goes(self, **changes: Any) -> httpx2.Response:
        """The resident's way through a request, up to what the client is told; she signs in where she is asked to."""
        answer = await self.browser.asks(question(self.client, **changes))
        if answer.url.path == "/sign-in":
            self.city.clock.ahead += timedelta(minutes=2)  # a number gets one code a minute
            await self.lin.sign_in()
            self.browser.http.cookies.set("banyan_session", self.lin.cookie)
            (target,) = set(findall(r'name="next" value="([^"]+)"', answer.text))
            answer = await self.browser.http.get(target)
        if "shown" in answer.text:
            answer = await self.browser.presses(answer, answer="allow", **TICKED)
        return answer

    async def logs_in(self, **changes: Any) -> "Login":
        came = told(await self.goes(**changes))
        answer = await tokens(self.city, self.client, came["code"])
        assert answer.status_code == 200, answer.text
        body = answer.json()
        return Login(came, body, await claims_of(self.city, body["id_token"], self.client))

    async def userinfo(self, login: "Login", method: str = "GET") -> dict[str, Any]:
        async with self.city.browser(authorization=f"Bearer {login.body['access_token']}") as http:
            answer = await http.request(method, "/oauth/userinfo")
        assert answer.status_code == 200, answer.text
        known: dict[str, Any] = answer.json()
        assert known["sub"] == login.claims["sub"]
        return known


@dataclass
class Login:
    """What came back to the redirect URI, the tokens, and the claims of the ID token."""

    came: dict[str, str]
    body: dict[str, Any]
    claims: dict[str, Any]


@pytest.fixture
async def party(city: City, provider: Person, lin: Person) -> Party:
    return Party(city, await registered(provider, scopes=SCOPES), lin, Browser(city))


async def metadata(city: City) -> dict[str, Any]:
    async with city.browser() as http:
        answer = await http.get("/.well-known/openid-configuration")
        assert answer.headers["content-type"].startswith("application/json")
        found: dict[str, Any] = answer.json()
    return found


# The Config plan


async def test_oidcc_discovery_endpoint_verification(city: City) -> None:
    told = await metadata(city)
    assert told["issuer"] == city.settings.base_url
    assert told["subject_types_supported"] == ["pairwise"]
    assert told["response_types_supported"] == ["code"]
    assert "openid" in told["scopes_supported"]
    assert set(told["id_token_signing_alg_values_supported"]) == {"ES256"}
    assert told["grant_types_supported"]
    assert told["claims_supported"]
    assert told["request_parameter_supported"] is told["request_uri_parameter_supported"] is False
    endpoints = {name: url for name, url in told.items() if name.endswith(("_endpoint", "_uri"))}
    assert {"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"} <= endpoints.keys()
    assert all(url.startswith(f"{told['issuer']}/") for url in endpoints.values())
    async with city.browser() as http:
        keys = (await http.get(told["jwks_uri"])).json()["keys"]
    assert len({key["kid"] for key in keys}) == len(keys) >= 1
    assert all(not {"d", "k", "p", "q"} & key.keys() for key in keys)


# The Basic plan


async def test_oidcc_server(party: Party) -> None:
    login = await party.logs_in()
    assert (login.came["state"], login.came["iss"]) == ("s1", party.city.settings.base_url)
    assert login.body["token_type"] == "Bearer"
    assert login.body["expires_in"] > 0
    assert login.claims["nonce"] == "n1"
    assert login.claims["aud"] == party.client
    assert login.claims["iat"] <= login.claims["exp"]
    assert 1 <= len(login.claims["sub"]) <= 255


async def test_oidcc_response_type_missing(party: Party) -> None:
    assert told(await party.goes(response_type=None))["error"] == "invalid_request"


async def test_oidcc_userinfo_get(party: Party) -> None:
    assert (await party.userinfo(await party.logs_in()))["sub"]


async def test_oidcc_userinfo_post_header(party: Party) -> None:
    assert (await party.userinfo(await party.logs_in(), "POST"))["sub"]


async def test_oidcc_ensure_request_without_nonce_succeeds_for_code_flow(party: Party) -> None:
    assert "nonce" not in (await party.logs_in(nonce=None)).claims


async def test_oidcc_scope_profile(party: Party) -> None:
    known = await party.userinfo(await party.logs_in(scope="openid profile"))
    assert known["name"]
    assert "phone_number" not in known


async def test_oidcc_scope_phone(party: Party) -> None:
    known = await party.userinfo(await party.logs_in(scope="openid phone"))
    assert known["phone_number"] == party.lin.phone
    assert "name" not in known


async def test_oidcc_scope_all(party: Party) -> None:
    """`email` and `address` are not in the metadata, so nobody has them to ask for."""
    supported = set((await metadata(party.city))["scopes_supported"])
    assert not {"email", "address"} & supported
    known = await party.userinfo(await party.logs_in(scope="openid profile email address phone"))
    assert {"name", "phone_number"} <= known.keys()


async def test_oidcc_alternate_happy_flow(party: Party) -> None:
    asked = question(party.client, scope="phone profile openid")
    backwards = dict(reversed(asked.items()))
    page = await party.browser.asks(backwards)
    assert page.url.path == "/sign-in"
    login = await party.logs_in(scope="phone profile openid")
    assert set(login.body["scope"].split()) == {"openid", "profile", "phone"}


async def test_oidcc_display_page(party: Party) -> None:
    assert (await party.logs_in(display="page")).claims["sub"]


async def test_oidcc_display_popup(party: Party) -> None:
    assert (await party.logs_in(display="popup")).claims["sub"]


async def test_oidcc_prompt_login(party: Party) -> None:
    first = await party.logs_in()
    second = await party.logs_in(prompt="login")
    assert second.claims["auth_time"] > first.claims["auth_time"]
    assert second.claims["sub"] == first.claims["sub"]


async def test_oidcc_prompt_none_not_logged_in(party: Party) -> None:
    assert told(await party.browser.asks(question(party.client, prompt="none")))["error"] == "login_required"


async def test_oidcc_prompt_none_logged_in(party: Party) -> None:
    first = await party.logs_in()
    second = await party.logs_in(prompt="none")
    assert (second.claims["sub"], second.claims["auth_time"]) == (first.claims["sub"], first.claims["auth_time"])


async def test_oidcc_max_age_1(party: Party) -> None:
    first = await party.logs_in()
    party.city.clock.ahead += timedelta(seconds=2)
    second = await party.logs_in(max_age="1")
    assert second.claims["auth_time"] > first.claims["auth_time"]


async def test_oidcc_max_age_10000(party: Party) -> None:
    first = await party.logs_in(max_age="15000")
    second = await party.logs_in(max_age="10000")
    assert (second.claims["sub"], second.claims["auth_time"]) == (first.claims["sub"], first.claims["auth_time"])


async def test_oidcc_ensure_request_with_unknown_parameter_succeeds(party: Party) -> None:
    assert (await party.logs_in(extra="foobar")).claims["sub"]


async def test_oidcc_id_token_hint(party: Party, city: City, provider: Person) -> None:
    first = await party.logs_in()
    hint = first.body["id_token"]
    second = await party.logs_in(id_token_hint=hint, prompt="none")
    assert (second.claims["sub"], second.claims["auth_time"]) == (first.claims["sub"], first.claims["auth_time"])
    other = await city.person("+8613800000077", "陈阿明")
    there = Browser(city, other)
    silent = question(party.client, id_token_hint=hint, prompt="none")
    assert told(await there.asks(silent))["error"] == "login_required"
    asked = question(party.client, id_token_hint=hint)
    door = await there.asks(asked)
    assert door.url.path == "/sign-in"
    city.clock.ahead += timedelta(minutes=2)
    await other.sign_in()  # the wrong person again: this is an answer
    there.http.cookies.set("banyan_session", other.cookie)
    (target,) = set(findall(r'name="next" value="([^"]+)"', door.text))
    assert told(await there.http.get(target))["error"] == "login_required"
    strange = await registered(provider, scopes=SCOPES)
    for wrong in (question(strange, id_token_hint=hint), question(party.client, id_token_hint="x")):
        assert told(await party.browser.asks(wrong))["error"] == "invalid_request"


async def test_oidcc_login_hint(party: Party) -> None:
    assert (await party.logs_in(login_hint="buffy@example.org")).claims["sub"]


async def test_oidcc_ui_locales(party: Party) -> None:
    assert (await party.logs_in(ui_locales="se en")).claims["sub"]


async def test_oidcc_claims_locales(party: Party) -> None:
    assert (await party.logs_in(claims_locales="se")).claims["sub"]


async def test_oidcc_ensure_request_with_acr_values_succeeds(party: Party) -> None:
    weakest = "urn:banyan:acr:phone"
    assert weakest in (await metadata(party.city))["acr_values_supported"]
    assert (await party.logs_in(acr_values=f"{weakest} urn:nobody:knows")).claims["acr"] == weakest


async def test_oidcc_claims_essential(party: Party) -> None:
    asked = '{"userinfo":{"name":{"essential":true}}}'
    assert (await party.userinfo(await party.logs_in(scope="openid profile", claims=asked)))["name"]


async def test_oidcc_codereuse(party: Party) -> None:
    """Within the grace a retry is a retry: it gets no second session (`test_a_code_…` elsewhere says so)."""
    code = told(await party.goes())["code"]
    first = await tokens(party.city, party.client, code)
    again = await tokens(party.city, party.client, code)
    assert first.status_code == 200
    assert again.status_code in (200, 400)
    assert len(await party.city.rows("SELECT id FROM core_session WHERE client_id = $1", party.client)) == 1


async def test_oidcc_codereuse_30seconds(party: Party) -> None:
    code = told(await party.goes())["code"]
    login = (await tokens(party.city, party.client, code)).json()
    party.city.clock.ahead += timedelta(seconds=31)
    again = await tokens(party.city, party.client, code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    async with party.city.browser(authorization=f"Bearer {login['access_token']}") as http:
        assert (await http.get("/oauth/userinfo")).status_code == 401


async def test_oidcc_ensure_registered_redirect_uri(party: Party) -> None:
    answer = await party.browser.asks(question(party.client, redirect_uri=f"{PLACE}?other=1"))
    assert (answer.status_code, "location" in answer.headers) == (400, False)


async def test_oidcc_ensure_post_request_succeeds(party: Party) -> None:
    answer = await party.browser.http.post("/authorize", data=question(party.client))
    assert (answer.status_code, answer.headers["location"].startswith("/authorize/")) == (303, True)


async def test_oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(party: Party) -> None:
    came = told(await party.goes(request_uri="https://clinic.example/request.jwt"))
    assert came["error"] == "request_uri_not_supported"


async def test_oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(party: Party) -> None:
    unsigned = jwt.encode({"client_id": party.client}, "", algorithm="none")
    assert told(await party.goes(request=unsigned))["error"] == "request_not_supported"


async def test_oidcc_refresh_token(party: Party, provider: Person) -> None:
    login = await party.logs_in(scope="openid profile offline_access", prompt="consent")
    other = await registered(provider, scopes=SCOPES)
    form = {"grant_type": "refresh_token", "refresh_token": login.body["refresh_token"]}
    async with party.city.browser() as http:
        stolen = await http.post("/oauth/token", data={**form, "client_id": other})
        assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
        renewed = await http.post("/oauth/token", data={**form, "client_id": party.client})
    assert renewed.status_code == 200
    assert renewed.json()["access_token"] != login.body["access_token"]


async def test_oidcc_ensure_request_with_valid_pkce_succeeds(party: Party) -> None:
    assert (await party.logs_in()).claims["sub"]
    late = question(party.client)
    code = told(await party.browser.asks(late))["code"]
    assert (await tokens(party.city, party.client, code, code_verifier="w" * 43)).json()["error"] == "invalid_grant"

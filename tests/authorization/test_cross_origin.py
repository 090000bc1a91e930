"""A program that lives in a page asks what it needs for a login from its own origin; and nothing else of the city."""

import pytest

from tests.city import City

ELSEWHERE = {"origin": "https://clinic.example", "sec-fetch-mode": "cors", "sec-fetch-site": "cross-site"}
OPEN = {
    "/.well-known/openid-configuration": "GET",
    "/.well-known/oauth-authorization-server": "GET",
    "/.well-known/jwks.json": "GET",
    "/oauth/token": "POST",
    "/oauth/par": "POST",
    "/oauth/revoke": "POST",
    "/oauth/userinfo": "GET",
}
CLOSED = ("/v1/me", "/authorize", "/oauth/introspect", "/v1/sign-in/challenges", "/")


@pytest.mark.parametrize(("path", "method"), OPEN.items())
async def test_a_page_may_ask_and_read_also_what_is_refused(city: City, path: str, method: str) -> None:
    async with city.browser(**ELSEWHERE) as http:
        asked = {"access-control-request-method": method, "access-control-request-headers": "content-type, dpop"}
        told = await http.options(path, headers=asked)
        assert (told.status_code, told.headers["access-control-allow-origin"]) == (204, "*")
        assert {"authorization", "content-type", "dpop"} <= set(
            told.headers["access-control-allow-headers"].split(", ")
        )
        answer = await http.request(method, path, headers={"authorization": "Bearer x"})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "dpop-nonce" in answer.headers["access-control-expose-headers"]
        assert "access-control-allow-credentials" not in told.headers.keys() | answer.headers.keys()


@pytest.mark.parametrize("path", CLOSED)
async def test_everything_else_is_closed_to_other_origins(city: City, path: str) -> None:
    async with city.browser(**ELSEWHERE) as http:
        assert (await http.options(path)).status_code == 405
        assert "access-control-allow-origin" not in (await http.get(path)).headers

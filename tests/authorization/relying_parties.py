"""Clients that sign residents in with the city's login, and what a browser does for them."""

from base64 import urlsafe_b64encode
from hashlib import sha256
from html import unescape
from re import findall
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import jwt

from app_server.authorization.registered import registered_clients
from tests.actors import Person
from tests.city import City

PLACE = "https://clinic.example/back"
VERIFIER = "v" * 43
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
TEXT = {"zh-CN": "为您服务", "en": "to serve you"}
PROMISE = {"purpose": TEXT, "legal_basis": TEXT, "retention": TEXT}
CLINIC: dict[str, Any] = {
    "name": {"zh-CN": "福州诊所", "en": "Fuzhou Clinic"},
    "redirect_uris": [PLACE],
    "proof": "none",
    "scopes": [
        {"scope": "profile", "required": True, **PROMISE},
        {"scope": "phone", "required": False, **PROMISE},
    ],
}


async def registered(provider: Person, **changes: Any) -> str:
    """A client of the provider's; its id."""
    made = await provider.post("/v1/provider/clients", json={**CLINIC, **changes})
    assert made.status_code == 201, made.text
    await registered_clients(provider.city.state).refresh()
    return str(made.json()["client_id"])


def question(client: str, **changes: Any) -> dict[str, str]:
    """What the client asks; None leaves a parameter out."""
    asked = {
        "response_type": "code",
        "client_id": client,
        "redirect_uri": PLACE,
        "scope": "openid profile phone",
        "state": "s1",
        "nonce": "n1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in (asked | changes).items() if value is not None}


class Browser:
    """A resident's browser, with or without her session; it follows the city's own redirects."""

    def __init__(self, city: City, person: Person | None = None) -> None:
        self.http = city.browser(**{"accept": "text/html", "accept-language": "en", "origin": city.settings.base_url})
        if person:
            self.http.cookies.set("banyan_session", person.cookie)

    async def asks(self, asked: dict[str, str]) -> httpx2.Response:
        """Follow the client's link up to a page, or to the redirect that leaves the city."""
        return await self._follow(await self.http.get(f"/authorize?{urlencode(asked)}"))

    async def presses(self, page: httpx2.Response, **form: str) -> httpx2.Response:
        """Send the page's form."""
        shown = dict(findall(r'name="(shown)" value="([^"]*)"', page.text))
        return await self._follow(await self.http.post(page.url.path, data=shown | form))

    async def _follow(self, answer: httpx2.Response) -> httpx2.Response:
        while answer.status_code == 303 and answer.headers["location"].startswith("/"):
            answer = await self.http.get(answer.headers["location"])
        return answer


def told(answer: httpx2.Response) -> dict[str, str]:
    """What the client hears: by a redirect, or by the page that goes on by itself."""
    if answer.status_code == 303:
        target = answer.headers["location"]
    else:
        assert answer.status_code == 200, answer.text
        (target,) = findall(r'http-equiv="refresh" content="0;url=([^"]+)"', answer.text)
    parts = urlsplit(unescape(target))
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == PLACE
    return dict(parse_qsl(parts.query))


async def tokens(city: City, client: str, authorization_code: str, **changes: Any) -> httpx2.Response:
    """Trade a code as a client without a key does."""
    form = {
        "grant_type": "authorization_code",
        "client_id": client,
        "code": authorization_code,
        "redirect_uri": PLACE,
        "code_verifier": VERIFIER,
    }
    async with city.browser() as http:
        return await http.post("/oauth/token", data={k: v for k, v in (form | changes).items() if v is not None})


async def claims_of(city: City, id_token: str, client_id: str) -> dict[str, Any]:
    """What an ID token says, its signature checked with the keys that the city publishes."""
    async with city.browser() as http:
        keys = jwt.PyJWKSet.from_dict((await http.get("/.well-known/jwks.json")).json())
    kid = jwt.get_unverified_header(id_token)["kid"]
    claims: dict[str, Any] = jwt.decode(
        id_token, keys[kid], algorithms=["ES256"], audience=client_id, leeway=city.clock.ahead
    )
    return claims

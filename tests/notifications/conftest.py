"""A library that may send notices, and residents who let it."""

from typing import Any
from uuid import UUID

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.utils import base64url_encode

from app_server.authorization.service import give_consent
from app_server.kernel.ids import uuid7
from app_server.kernel.tokens import sign
from app_server.registry.published import listings
from app_server.registry.service import By, found_organisation, register_listing
from tests.actors import Person
from tests.city import City

PROMISE = {"purpose": "to serve you", "legal_basis": "your consent", "retention": "one year"}
MANIFEST = {
    "app_id": "library",
    "name": "福州市图书馆",
    "icons": [{"src": "/icon.svg"}],
    "pages": ["/"],
    "version": {"code": 1, "name": "1.0"},
    "platform_version": {"min_code": 1},
    "banyan": {
        "kind": "remote",
        "name": {"en": "Fuzhou Library", "zh-CN": "福州市图书馆"},
        "description": {"en": "Borrow books", "zh-CN": "借书"},
        "sector": "public",
        "sponsor": "Fuzhou",
        "operator": "Fuzhou Library",
        "complaints": {"phone": "12345"},
        "endpoint": "http://127.0.0.1:9",
        "scopes": [{"scope": "notices:send", **PROMISE}, {"scope": "cards:issue", **PROMISE}],
        "notices": [
            {
                "id": "borrowed",
                "title": {"en": "You borrowed {title}", "zh-CN": "您已借阅《{title}》"},
                "body": {"en": "Bring it back by {due}.", "zh-CN": "请于 {due} 前归还。"},
            }
        ],
    },
}


class Library:
    """A mini-app with a token of its own."""

    def __init__(self, city: City) -> None:
        self.city = city

    def subject(self, person: Person) -> str:
        """How the library knows a resident."""
        return self.city.state["keys"].pairwise("library", UUID(person.id))

    def token(self, scope: str = "notices:send") -> str:
        """As the token endpoint gives it for the library's own proof."""
        now, issuer = int(self.city.clock().timestamp()), self.city.settings.base_url
        claims = {"iss": issuer, "aud": issuer, "client_id": "library", "sub": "library", "scope": scope}
        return sign(
            claims | {"iat": now, "exp": now + 600, "jti": str(uuid7())}, typ="at+jwt", keys=self.city.state["keys"]
        )

    async def tells(self, person: Person, *, key: str | None = None, **changes: Any) -> httpx2.Response:
        """Send the resident that a book was borrowed."""
        asked = {"sub": self.subject(person), "template": "borrowed", "data": {"title": "Journey", "due": "May 1"}}
        headers = {"authorization": f"Bearer {self.token()}", "idempotency-key": key or str(uuid7())}
        async with self.city.browser(**headers) as http:
            return await http.post("/v1/notices", json=asked | changes)


@pytest.fixture
async def library(city: City) -> Library:
    """The library is published."""
    public = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    await register_listing(
        manifest=MANIFEST,
        public_keys=[{"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": base64url_encode(public).decode()}],
        endpoint="http://127.0.0.1:9",
        organisation_id=await found_organisation("Fuzhou Library"),
        by=By(kind="operator", id="seed"),
        clock=city.clock,
    )
    await listings(city.state).refresh()
    return Library(city)


@pytest.fixture
async def lin(city: City) -> Person:
    """A resident."""
    return await city.person()


@pytest.fixture
async def reader(lin: Person, library: Library) -> Person:
    """The resident, who lets the library send notices."""
    client = library.city.state["ports"].clients.find("library")
    assert client is not None
    await give_consent(UUID(lin.id), client, ["notices:send"], state=library.city.state)
    return lin

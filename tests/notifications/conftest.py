"""A library that may send notices, and residents who let it."""

from typing import Any

import httpx2
import pytest

from app_server.kernel.ids import uuid7
from tests.actors import Person
from tests.city import City
from tests.factories import app_token, consent, publish, subject
from tests.manifests import PROMISE, manifest

MANIFEST = manifest(
    scopes=[{"scope": "notices:send", **PROMISE}, {"scope": "cards:issue", **PROMISE}],
    notices=[
        {
            "id": "borrowed",
            "title": {"en": "You borrowed {title}", "zh-CN": "您已借阅《{title}》"},
            "body": {"en": "Bring it back by {due}.", "zh-CN": "请于 {due} 前归还。"},
        }
    ],
)


class Library:
    """A mini-app with a token of its own."""

    def __init__(self, city: City) -> None:
        self.city = city

    def subject(self, person: Person) -> str:
        """How the library knows a resident."""
        return subject(self.city, person)

    def token(self, scope: str = "notices:send") -> str:
        """As the token endpoint gives it for the library's own proof."""
        return app_token(self.city, scope)

    async def tells(self, person: Person, *, key: str | None = None, **changes: Any) -> httpx2.Response:
        """Send the resident that a book was borrowed."""
        asked = {"sub": self.subject(person), "template": "borrowed", "data": {"title": "Journey", "due": "May 1"}}
        headers = {"authorization": f"Bearer {self.token()}", "idempotency-key": key or str(uuid7())}
        async with self.city.browser(**headers) as http:
            return await http.post("/v1/notices", json=asked | changes)


@pytest.fixture
async def library(city: City) -> Library:
    """The library is published."""
    await publish(city, MANIFEST)
    return Library(city)


@pytest.fixture
async def lin(city: City) -> Person:
    """A resident."""
    return await city.person()


@pytest.fixture
async def reader(lin: Person, library: Library) -> Person:
    """The resident, who lets the library send notices."""
    await consent(library.city, lin, ["notices:send"])
    return lin

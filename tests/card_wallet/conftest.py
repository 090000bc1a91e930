"""A library that issues cards, a resident who has one, and readers at its desk and its gate."""

from typing import Any

import httpx2
import pytest

from app_server.kernel.ids import uuid7
from tests.actors import Person
from tests.city import City
from tests.factories import app_token, consent, publish, reader_token, subject

Json = dict[str, Any]

VALUES = {"holder_name": "林依婷", "card_number": "FZ20260000417", "loans_open": "2"}


class Library:
    """The mini-app, with a token of its own."""

    def __init__(self, city: City) -> None:
        self.city = city

    def browser(
        self, *, app_id: str = "library", scope: str = "cards:issue", key: str | None = None
    ) -> httpx2.AsyncClient:
        """A client that carries the token which the token endpoint gives the mini-app."""
        token = app_token(self.city, scope, app_id)
        return self.city.browser(authorization=f"Bearer {token}", **{"idempotency-key": key or str(uuid7())})

    async def issues(self, person: Person, *, key: str | None = None, **changes: object) -> httpx2.Response:
        """Put a library card into somebody's wallet."""
        card = {"sub": subject(self.city, person), "type": "library-card", "number": "FZ20260000417", "fields": VALUES}
        async with self.browser(key=key) as http:
            return await http.post("/v1/cards", json=card | changes)

    async def sets(self, card_id: str, status: str, reason: str = "lost") -> httpx2.Response:
        """Change a card's status."""
        async with self.browser() as http:
            return await http.put(f"/v1/cards/{card_id}/status", json={"status": status, "reason": reason})


class Reader:
    """An enrolled reader."""

    def __init__(self, city: City, id: str, token: str) -> None:
        self.id = id
        self.token = token
        self.http = city.browser(authorization=f"Bearer {token}", **{"accept-language": "en"})

    @classmethod
    async def of(cls, city: City, token: str) -> "Reader":
        """The reader with this token."""
        reader = cls(city, "", token)
        reader.id = (await reader.http.get("/v1/verifiers/me")).json()["id"]
        return reader

    async def scans(self, code: str, *, key: str | None = None) -> httpx2.Response:
        """Ask whether a code is good."""
        headers = {"idempotency-key": key} if key else {}
        return await self.http.post("/v1/verifications", json={"code": code}, headers=headers)


async def enrolled(city: City, operator: Person, *, role: str = "desk", app_id: str = "library") -> Reader:
    """A device that has become a reader."""
    return await Reader.of(city, await reader_token(operator, role, app_id))


async def code_of(person: Person, card: Json) -> Json:
    """What the person's phone shows now."""
    shown = await person.get(f"/v1/cards/{card['id']}/code")
    assert shown.status_code == 200, shown.text
    body: Json = shown.json()
    return body


def refused(answer: httpx2.Response) -> tuple[int, str]:
    """The refusal's number and code."""
    assert answer.status_code in (409, 422), answer.text
    return answer.json()["refusal"], answer.json()["code"]


@pytest.fixture
async def library(city: City) -> Library:
    """The library is published."""
    await publish(city)
    return Library(city)


@pytest.fixture
async def lin(city: City, library: Library) -> Person:
    """A resident who lets the library give her a card."""
    person = await city.person()
    await consent(city, person, ["cards:issue"])
    return person


@pytest.fixture
async def chen(city: City, library: Library) -> Person:
    """Another resident, who does not know the library."""
    return await city.person("+8613800000002", name="陈宇")


@pytest.fixture
async def operator(city: City, library: Library) -> Person:
    """Somebody who manages the city's mini-apps and readers."""
    return await city.person("+8613800000009", name="王珊", roles=("operator",))


@pytest.fixture
async def card(library: Library, lin: Person) -> Json:
    """Her library card, as its issuer knows it."""
    issued = await library.issues(lin)
    assert issued.status_code == 201, issued.text
    body: Json = issued.json()
    return body


@pytest.fixture
async def desk(city: City, operator: Person) -> Reader:
    """The library's desk."""
    return await enrolled(city, operator)


@pytest.fixture
async def gate(city: City, operator: Person) -> Reader:
    """The library's gate, which need not know who comes in."""
    return await enrolled(city, operator, role="gate")

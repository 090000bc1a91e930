"""A library that issues cards, a resident who has one, and readers at its desk and its gate."""

import json
from pathlib import Path
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

ENDPOINT = "http://127.0.0.1:9"
MANIFEST = json.loads((Path(__file__).parents[2] / "miniapps/library/miniapp.json").read_text())
VALUES = {"holder_name": "林依婷", "card_number": "FZ20260000417", "loans_open": "2"}


class Library:
    """The mini-app, with a token of its own."""

    def __init__(self, city: City) -> None:
        self.city = city

    def subject(self, person: Person, app_id: str = "library") -> str:
        """How the mini-app knows a resident."""
        return self.city.state["keys"].pairwise(app_id, UUID(person.id))

    def browser(self, *, app_id: str = "library", scope: str = "cards:issue", key: str | None = None):
        """A client that carries the token which the token endpoint gives the mini-app."""
        now, issuer = int(self.city.clock().timestamp()), self.city.settings.base_url
        claims = {"iss": issuer, "aud": issuer, "client_id": app_id, "sub": app_id, "scope": scope}
        claims |= {"iat": now, "exp": now + 600, "jti": str(uuid7())}
        token = sign(claims, typ="at+jwt", keys=self.city.state["keys"])
        return self.city.browser(authorization=f"Bearer {token}", **{"idempotency-key": key or str(uuid7())})

    async def issues(self, person: Person, *, key: str | None = None, **changes: object) -> httpx2.Response:
        """Put a library card into somebody's wallet."""
        card = {"sub": self.subject(person), "type": "library-card", "number": "FZ20260000417", "fields": VALUES}
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

    async def scans(self, code: str, *, key: str | None = None) -> httpx2.Response:
        """Ask whether a code is good."""
        headers = {"idempotency-key": key} if key else {}
        return await self.http.post("/v1/verifications", json={"code": code}, headers=headers)


async def publish(city: City, manifest: dict) -> UUID:
    """Put a mini-app online; the organisation that it belongs to."""
    public = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    organisation = await found_organisation(f"Provider of {manifest['app_id']}")
    await register_listing(
        manifest=manifest,
        public_keys=[{"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": base64url_encode(public).decode()}],
        endpoint=ENDPOINT,
        organisation_id=organisation,
        by=By(kind="operator", id="seed"),
        clock=city.clock,
    )
    await listings(city.state).refresh()
    return organisation


async def consent(city: City, person: Person, app_id: str = "library") -> None:
    """Let the mini-app issue cards."""
    client = city.state["ports"].clients.find(app_id)
    assert client is not None
    await give_consent(UUID(person.id), client, ["cards:issue"], state=city.state)


async def enrolled(city: City, operator: Person, *, role: str = "desk", app_id: str = "library", name: str = "Desk 3"):
    """A device that has become a reader."""
    asked = {"name": name, "place": "Fuzhou Library, ground floor", "app_id": app_id, "role": role}
    added = await operator.post("/v1/verifiers", json=asked)
    assert added.status_code == 201, added.text
    async with city.browser() as device:
        made = await device.post("/v1/verifiers/enrolments", json={"code": added.json()["enrolment_code"]})
    assert made.status_code == 201, made.text
    return Reader(city, made.json()["verifier"]["id"], made.json()["token"])


async def code_of(person: Person, card: dict) -> dict:
    """What the person's phone shows now."""
    shown = await person.get(f"/v1/cards/{card['id']}/code")
    assert shown.status_code == 200, shown.text
    return shown.json()


def refused(answer: httpx2.Response) -> tuple[int, str]:
    """The refusal's number and code."""
    assert answer.status_code in (409, 422), answer.text
    return answer.json()["refusal"], answer.json()["code"]


@pytest.fixture
async def library(city: City) -> Library:
    """The library is published."""
    await publish(city, MANIFEST)
    return Library(city)


@pytest.fixture
async def lin(city: City, library: Library) -> Person:
    """A resident who lets the library give her a card."""
    person = await city.person()
    await consent(city, person)
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
async def card(library: Library, lin: Person) -> dict:
    """Her library card, as its issuer knows it."""
    issued = await library.issues(lin)
    assert issued.status_code == 201, issued.text
    return issued.json()


@pytest.fixture
async def desk(city: City, operator: Person) -> Reader:
    """The library's desk."""
    return await enrolled(city, operator)


@pytest.fixture
async def gate(city: City, operator: Person) -> Reader:
    """The library's gate, which need not know who comes in."""
    return await enrolled(city, operator, role="gate", name="Gate 1")

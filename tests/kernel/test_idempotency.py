"""A write that is sent twice acts once, and its kept answer is for who sent it."""

import httpx2
import pytest

from tests.actors import Person
from tests.city import City
from tests.factories import LIBRARY_MANIFEST, app_token, consent, publish, subject


@pytest.fixture
async def lin(city: City) -> Person:
    """A resident who lets the library give her a card."""
    await publish(city)
    person = await city.person()
    await consent(city, person, ["cards:issue"])
    return person


async def issue(city: City, person: Person, number: str, *, app_id: str = "library", **headers: str) -> httpx2.Response:
    fields = {"holder_name": "林依婷", "card_number": number, "loans_open": "0"}
    card = {"sub": subject(city, person, app_id), "type": "library-card", "number": number, "fields": fields}
    async with city.browser(authorization=f"Bearer {app_token(city, 'cards:issue', app_id)}", **headers) as http:
        return await http.post("/v1/cards", json=card)


async def test_a_repeat_gets_the_first_answer_and_says_that_it_is_one(city: City, lin: Person) -> None:
    first = await issue(city, lin, "FZ1", **{"idempotency-key": "one"})
    again = await issue(city, lin, "FZ1", **{"idempotency-key": "one"})
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert again.headers["etag"] == first.headers["etag"]
    assert "idempotent-replay" not in first.headers and again.headers["idempotent-replay"] == "true"


async def test_a_key_that_was_used_for_something_else_is_refused(city: City, lin: Person) -> None:
    await issue(city, lin, "FZ1", **{"idempotency-key": "one"})
    other = await issue(city, lin, "FZ2", **{"idempotency-key": "one"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_write_that_failed_may_be_sent_again_under_its_key(city: City, lin: Person) -> None:
    consents = (await lin.get("/v1/consents")).json()["items"]
    await lin.delete(f"/v1/consents/{consents[0]['id']}")
    assert (await issue(city, lin, "FZ1", **{"idempotency-key": "one"})).status_code == 403
    await consent(city, lin, ["cards:issue"])
    assert (await issue(city, lin, "FZ1", **{"idempotency-key": "one"})).status_code == 201


async def test_two_people_may_use_the_same_key(city: City, lin: Person) -> None:
    chen = await city.person("+8613800000002")
    body = {"app_id": "library", "scopes": ["notices:send"]}
    for person in (lin, chen):
        given = await person.post("/v1/consents", json=body, headers={"idempotency-key": "one"})
        assert (given.status_code, "idempotent-replay" in given.headers) == (201, False)


async def test_two_mini_apps_may_use_the_same_key(city: City, lin: Person) -> None:
    await publish(city, {**LIBRARY_MANIFEST, "app_id": "museum"})
    await consent(city, lin, ["cards:issue"], "museum")
    ids = set()
    for app_id in ("library", "museum"):
        issued = await issue(city, lin, "FZ1", app_id=app_id, **{"idempotency-key": "one"})
        assert issued.status_code == 201
        ids.add(issued.json()["id"])
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "idempotency_key_required"),
        ({"idempotency-key": ""}, "validation_failed"),
        ({"idempotency-key": "x" * 129}, "validation_failed"),
        ({"idempotency-key": "tab\there"}, "validation_failed"),
    ],
)
async def test_a_key_is_there_and_printable(city: City, lin: Person, headers: dict[str, str], code: str) -> None:
    answer = await issue(city, lin, "FZ1", **headers)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_kept_answers_lie_sealed(city: City, lin: Person) -> None:
    issued = await issue(city, lin, "FZ1", **{"idempotency-key": "one"})
    rows = await city.rows("SELECT body FROM core_idempotent_answer")
    assert len(rows) == 1
    assert issued.json()["id"].encode() not in rows[0]["body"]

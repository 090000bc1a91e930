"""Odd input is the sender's to mend: no cursor and no character breaks anything."""

import base64
import json
from datetime import timedelta
from uuid import UUID

import pytest

from app_server import wiring
from app_server.identity import service as identity
from app_server.kernel.schemas import encode_cursor
from tests.city import City
from tests.factories import publish

EDGES = [  # places of the ledger at the two ends of time, as seen from the other side of the earth
    base64.urlsafe_b64encode(json.dumps([["t", text], ["u", str(UUID(int=7))]]).encode()).decode()
    for text in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00")
]
CURSORS = {
    "an id that is a number": "W1sidSIsNV1d",
    "before time": EDGES[0],
    "after time": EDGES[1],
    "nothing": encode_cursor(),
    "a number": encode_cursor(3),
    "a huge number": encode_cursor(2**63 - 1),
    "a text": encode_cursor("library"),
    "a text with a NUL": encode_cursor("a\0b"),
    "two texts": encode_cursor("a", "b"),
}
EXPECTED = [(200, None), (400, "bad_cursor"), (400, "validation_failed")]


@pytest.mark.parametrize("limit", ["0", "101", "1000", "01009999", "0" * 4 + "9" * 20, "-1", "1.0", "٣", "x", ""])
async def test_no_list_gives_more_than_a_page_however_the_limit_is_written(city: City, limit: str) -> None:
    await publish(city)
    operator = await city.person(roles=("operator",))
    for path in (
        "/v1/inbox",
        "/v1/ledger",
        "/v1/cards",
        "/v1/consents",
        "/v1/passkeys",
        "/v1/sessions",
        "/v1/operator/audit",
        "/v1/operator/listings",
    ):
        answer = await operator.get(path, params={"limit": limit})
        assert (path, answer.status_code, answer.json()["code"]) == (path, 400, "validation_failed")


@pytest.mark.parametrize("place", CURSORS)
async def test_a_cursor_of_another_list_is_told_so_and_breaks_nothing(city: City, place: str) -> None:
    organisation_id, person, keys = await publish(city), await city.person(), city.state["keys"]
    roles = ["operator", "provider"]
    await identity.register_person(person.phone, name="吴敏", roles=roles, organisation_id=organisation_id, keys=keys)
    await person.sign_in()
    asked = {"kind": "counter", "you_are": "agent", "until": (city.clock() + timedelta(days=2)).date().isoformat()}
    mandate_id = (await person.post("/v1/mandates", json=asked)).json()["mandate"]["id"]
    answers = {}
    for route in wiring.routes(city.settings):
        if "cursor" in getattr(getattr(route.endpoint, "__describe__", None), "query", ()):
            path = route.path.replace("{id:uuid}", mandate_id)
            answer = await person.get(path, params={"cursor": CURSORS[place]})
            answers[route.path] = (answer.status_code, answer.json().get("code"))
    assert len(answers) > 5
    assert {path: got for path, got in answers.items() if got not in EXPECTED} == {}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/operator/audit?action=a%00b", None),
        ("GET", "/v1/operator/listings/a%00b", None),
        ("POST", "/v1/operator/listings/library/suspension", {"reason": "because\0 of the heating"}),
        ("POST", "/v1/verifiers", {"name": "Desk\0", "place": "Hall", "app_id": "library", "role": "desk"}),
    ],
)
async def test_a_character_that_cannot_be_kept_is_the_senders_to_mend(
    city: City, method: str, path: str, body: dict[str, str] | None
) -> None:
    await publish(city)
    operator = await city.person(roles=("operator",))
    answer = await operator.http.request(method, path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")
    assert any(word in answer.text for word in ("U+0000", "/name")), "it says where, or which character"

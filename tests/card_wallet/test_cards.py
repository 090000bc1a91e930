"""A mini-app gives a resident a card; the resident finds it in the wallet, and nobody else does."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from app_server.authorization.service import withdraw_consent
from tests.actors import Person
from tests.card_wallet.conftest import VALUES, Json, Library, Reader, code_of
from tests.city import City
from tests.factories import subject


async def wallet(person: Person, **params: Any) -> Json:
    answer = await person.get("/v1/cards", params=params, headers={"accept-language": "en"})
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


async def test_an_issued_card_lies_in_the_wallet_of_its_resident_alone(lin: Person, chen: Person, card: Json) -> None:
    (shown,) = (await wallet(lin))["items"]
    assert shown["id"] == card["id"]
    assert (shown["title"], shown["issuer"], shown["colour"]) == ("Library card", "Fuzhou Library", "#2F5D7C")
    assert (shown["number_masked"], shown["status"], shown["version"]) == ("•••• 0417", "active", 1)
    assert [(field["name"], field["value"]) for field in shown["fields"]] == list(VALUES.items())
    assert shown["fields"][2]["label"] == "Books on loan"
    assert (await wallet(chen))["items"] == []


async def test_each_actor_meets_a_card_as_they_should(
    city: City, lin: Person, chen: Person, operator: Person, desk: Reader, card: Json, library: Library
) -> None:
    for path in (f"/v1/cards/{card['id']}", f"/v1/cards/{card['id']}/code"):
        assert (await lin.get(path)).status_code == 200
        assert (await chen.get(path)).status_code == 404
        assert (await operator.get(path)).status_code == 404
        assert (await desk.http.get(path)).status_code == 403
        async with city.browser() as anybody, library.browser() as app:
            assert (await anybody.get(path)).status_code == 401
            assert (await app.get(path)).status_code == 403
    assert (await lin.get(f"/v1/cards/{uuid4()}")).status_code == 404


async def test_only_a_mini_app_with_the_scope_issues_cards(
    city: City, lin: Person, library: Library, desk: Reader
) -> None:
    asked = {"sub": subject(city, lin), "type": "library-card", "number": "1", "fields": {}}
    key = {"idempotency-key": "k"}
    assert (await lin.post("/v1/cards", json=asked, headers=key)).status_code == 403
    assert (await desk.http.post("/v1/cards", json=asked, headers=key)).status_code == 403
    async with city.browser() as anybody, library.browser(scope="notices:send") as unscoped:
        assert (await anybody.post("/v1/cards", json=asked, headers=key)).status_code == 401
        refused = await unscoped.post("/v1/cards", json=asked)
        assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    async with library.browser() as app:
        del app.headers["idempotency-key"]
        refused = await app.post("/v1/cards", json=asked)
        assert (refused.status_code, refused.json()["code"]) == (400, "idempotency_key_required")


async def test_a_card_needs_the_residents_consent_as_it_stands_now(
    city: City, lin: Person, chen: Person, library: Library
) -> None:
    refused = await library.issues(chen)
    assert (refused.status_code, refused.json()["code"]) == (403, "consent_withdrawn")
    (row,) = await city.rows("SELECT id FROM core_consent WHERE resident_id = $1", UUID(lin.id))
    await withdraw_consent(UUID(lin.id), row["id"], state=city.state)
    assert (await library.issues(lin)).status_code == 403
    assert (await wallet(lin))["items"] == []


@pytest.mark.parametrize(
    ("changes", "status", "pointer"),
    [
        ({"type": "bus-card"}, 422, "/type"),
        ({"fields": {"shoe_size": "43"}}, 422, "/fields/shoe_size"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, 400, "/expires_at"),
        ({"expires_at": "2050-01-01T00:00:00"}, 400, "/expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-12:00"}, 400, "/expires_at"),
        ({"number": ""}, 400, "/number"),
        ({"colour": "#000000"}, 400, "/colour"),
    ],
)
async def test_a_card_that_the_manifest_does_not_declare_is_refused_with_the_place(
    library: Library, lin: Person, changes: Json, status: int, pointer: str
) -> None:
    refused = await library.issues(lin, **changes)
    assert refused.status_code == status, refused.text
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]


async def test_issuing_twice_with_one_key_is_issuing_once(library: Library, lin: Person, city: City) -> None:
    first, second = await asyncio.gather(library.issues(lin, key="k1"), library.issues(lin, key="k1"))
    assert first.json() == second.json()
    assert (await wallet(lin))["items"][0]["version"] == 1
    assert await issued_events(city) == 1


async def test_issuing_again_brings_the_one_card_up_to_date(
    library: Library, lin: Person, card: Json, city: City
) -> None:
    again = await library.issues(lin, fields={**VALUES, "loans_open": "3"})
    assert (again.json()["id"], again.json()["version"]) == (card["id"], 2)
    (shown,) = (await wallet(lin))["items"]
    assert shown["fields"][2]["value"] == "3"
    assert await issued_events(city) == 1


async def test_ten_issues_at_once_make_one_card(library: Library, lin: Person, city: City) -> None:
    answers = await asyncio.gather(*(library.issues(lin) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await issued_events(city) == 1


async def test_a_revoked_card_is_final_until_it_is_issued_again(
    library: Library, lin: Person, card: Json, city: City
) -> None:
    assert (await library.sets(card["id"], "revoked")).json()["status"] == "revoked"
    assert (await library.sets(card["id"], "revoked")).json()["version"] == 2  # nothing new
    refused = await library.sets(card["id"], "active")
    assert (refused.status_code, refused.json()["code"]) == (409, "card_status_final")
    city.clock.ahead = timedelta(seconds=1)
    again = await library.issues(lin)
    assert (again.json()["id"], again.json()["status"]) == (card["id"], "active")
    assert await issued_events(city) == 2
    assert (await code_of(lin, card))["text"].startswith("BC1:")


async def test_a_suspended_card_stays_suspended_when_its_fields_change(
    library: Library, lin: Person, card: Json
) -> None:
    await library.sets(card["id"], "suspended", "fees")
    assert (await library.issues(lin)).json()["status"] == "suspended"
    assert (await library.sets(card["id"], "active", "paid")).json()["status"] == "active"


async def test_the_status_is_the_issuers_alone_to_change_and_is_audited(
    city: City, library: Library, lin: Person, card: Json
) -> None:
    change = {"status": "revoked", "reason": "lost"}
    path = f"/v1/cards/{card['id']}/status"
    assert (await lin.http.put(path, json=change)).status_code == 403
    async with library.browser(app_id="library", scope="cards:issue") as app:
        assert (await app.put(f"/v1/cards/{uuid4()}/status", json=change)).status_code == 404
        refused = await app.put(path, json={"status": "expired", "reason": "old"})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/status")
    assert (await library.sets(card["id"], "suspended", "lost, perhaps")).status_code == 200
    (entry,) = await city.rows("SELECT * FROM core_audit_entry WHERE subject = $1", f"card:{card['id']}")
    assert (entry["actor_id"], entry["action"], entry["reason"]) == ("library", "card.suspended", "lost, perhaps")


async def test_what_the_wallet_stores_is_sealed(city: City, lin: Person, card: Json) -> None:
    (row,) = await city.rows("SELECT * FROM card_wallet_card")
    stored = bytes(row["number"]) + row["sealed_fields"].encode()
    assert all(value.encode() not in stored for value in VALUES.values() if len(value) > 2)


async def test_a_wallet_is_read_in_parts(city: City, lin: Person, library: Library, card: Json) -> None:
    page = await wallet(lin, limit=1)
    assert (len(page["items"]), page["next"]) == (1, None)
    for number in range(4):
        await city.execute(
            "INSERT INTO card_wallet_card SELECT gen_random_uuid(), resident_id, app_id, $1, number, sealed_fields,"
            " status, status_reason, version, issued_at, expires_at, now(), now() FROM card_wallet_card LIMIT 1",
            f"old-card-{number}",
        )
    seen: list[str] = []
    cursor = None
    while cursor is not None or not seen:
        page = await wallet(lin, limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
    assert len(seen) == len(set(seen)) == 5
    for cursor in ("nonsense", "W1sicyIsIngiXV0"):
        assert (await lin.get("/v1/cards", params={"cursor": cursor})).json()["code"] == "bad_cursor"


async def issued_events(city: City) -> int:
    """How often it was told that a card was issued."""
    return len(await city.rows("SELECT id FROM core_outbox_event WHERE name = 'card_issued'"))

"""Devices become readers by a one-time code, and stop being readers in time."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from app_server.identity import service as identity
from card_wallet import enrolment_codes, readers
from card_wallet.principals import REMEMBERED_FOR
from tests.actors import Person
from tests.card_wallet.conftest import Json, Library, Reader, code_of, enrolled
from tests.city import City
from tests.factories import LIBRARY_MANIFEST, publish

ASKED = {"name": "Desk 3", "place": "Ground floor", "app_id": "library", "role": "desk"}


async def added(manager: Person, **changes: Any) -> Json:
    answer = await manager.post("/v1/verifiers", json=ASKED | changes)
    assert answer.status_code == 201, answer.text
    body: Json = answer.json()
    return body


async def enrol(city: City, code: str) -> httpx2.Response:
    await city.forget_limits()
    async with city.browser() as device:
        return await device.post("/v1/verifiers/enrolments", json={"code": code})


async def provider_of(city: City, app_id: str, phone: str) -> Person:
    organisation = await publish(city, {**LIBRARY_MANIFEST, "app_id": app_id})
    await identity.register_person(
        phone, name="李娜", roles=["provider"], organisation_id=organisation, keys=city.state["keys"]
    )
    person = Person(city, phone)
    await person.sign_in()
    return person


async def test_a_device_becomes_a_reader_by_a_code_that_works_once(city: City, operator: Person) -> None:
    made = await added(operator)
    first = await enrol(city, made["enrolment_code"])
    assert first.status_code == 201, first.text
    assert first.json()["verifier"] == {"id": made["id"], **ASKED}
    assert "httponly" in first.headers["set-cookie"].lower()
    second = await enrol(city, made["enrolment_code"])
    assert (second.status_code, second.json()["code"]) == (422, "enrolment_refused")


async def test_the_code_may_be_typed_as_people_type(city: City, operator: Person) -> None:
    code = (await added(operator))["enrolment_code"]
    assert len(code) == 14
    assert (
        await enrol(city, f"  {code.lower().replace('-', ' ').replace('0', 'o').replace('1', 'l')} ")
    ).status_code == 201


async def test_a_browser_is_a_reader_by_its_cookie_on_our_own_pages_only(
    city: City, operator: Person, lin: Person, card: Json
) -> None:
    made = await added(operator)
    async with city.browser() as device:
        enrolled_now = await device.post("/v1/verifiers/enrolments", json={"code": made["enrolment_code"]})
        assert enrolled_now.status_code == 201
        assert (await device.get("/v1/verifiers/me")).json()["id"] == made["id"]
        asked = {"code": (await code_of(lin, card))["text"]}
        foreign = await device.post("/v1/verifications", json=asked, headers={"origin": "https://evil.example"})
        assert (foreign.status_code, foreign.json()["code"]) == (403, "cross_site_request")
        own = await device.post("/v1/verifications", json=asked, headers={"origin": city.settings.base_url})
        assert own.status_code == 201
        gone = await device.delete("/v1/verifiers/me", headers={"origin": city.settings.base_url})
        assert gone.status_code == 204
        assert "banyan_reader" not in device.cookies
        device.cookies.set("banyan_reader", enrolled_now.json()["token"])
        assert (await device.get("/v1/verifiers/me")).status_code == 401


async def test_a_code_is_tried_five_times_and_lasts_a_day(city: City, operator: Person) -> None:
    code = (await added(operator))["enrolment_code"]
    wrong = code[:-1] + ("2" if code[-1] != "2" else "3")
    for _ in range(5):
        assert (await enrol(city, wrong)).status_code == 422
    assert (await enrol(city, code)).status_code == 422
    code = (await added(operator))["enrolment_code"]
    city.clock.ahead = timedelta(hours=24, seconds=1)
    assert (await enrol(city, code)).status_code == 422


async def test_one_address_does_not_try_codes_without_end(city: City) -> None:
    async with city.browser() as device:
        answers = [await device.post("/v1/verifiers/enrolments", json={"code": "0000"}) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [422] * 10 + [429]


async def test_a_removed_reader_is_out_within_five_seconds_in_a_process_that_did_not_hear(
    city: City, operator: Person, desk: Reader
) -> None:
    assert (await desk.http.get("/v1/verifiers/me")).status_code == 200
    await city.execute("UPDATE card_wallet_verifier SET removed_at = now() WHERE id = $1", UUID(desk.id))
    city.clock.ahead = REMEMBERED_FOR
    assert (await desk.http.get("/v1/verifiers/me")).status_code == 401
    assert timedelta(seconds=5) > REMEMBERED_FOR


async def test_a_removed_reader_is_out_at_once_where_it_was_removed(city: City, operator: Person, desk: Reader) -> None:
    assert (await desk.http.get("/v1/verifiers/me")).status_code == 200
    assert (await operator.delete(f"/v1/verifiers/{desk.id}")).status_code == 204
    assert (await desk.scans("BC1:00")).status_code == 401
    assert (await operator.delete(f"/v1/verifiers/{desk.id}")).status_code == 404
    assert (await operator.get("/v1/verifiers")).json()["items"] == []


async def test_a_new_code_ends_the_old_one_and_its_device_follows(city: City, operator: Person, desk: Reader) -> None:
    first = await operator.post(f"/v1/verifiers/{desk.id}/enrolment-code")
    second = await operator.post(f"/v1/verifiers/{desk.id}/enrolment-code")
    assert (await enrol(city, first.json()["enrolment_code"])).status_code == 422
    assert (await desk.http.get("/v1/verifiers/me")).status_code == 200
    assert (await enrol(city, second.json()["enrolment_code"])).status_code == 201
    assert (await desk.http.get("/v1/verifiers/me")).status_code == 401


async def test_each_actor_meets_the_readers_as_they_should(
    city: City, operator: Person, lin: Person, desk: Reader, library: Library
) -> None:
    for method, path, body in (
        ("GET", "/v1/verifiers", None),
        ("POST", "/v1/verifiers", ASKED),
        ("DELETE", f"/v1/verifiers/{desk.id}", None),
        ("POST", f"/v1/verifiers/{desk.id}/enrolment-code", None),
    ):
        assert (await lin.http.request(method, path, json=body)).status_code == 403
        assert (await desk.http.request(method, path, json=body)).status_code == 403
        async with city.browser() as anybody, library.browser() as app:
            assert (await anybody.request(method, path, json=body)).status_code == 401
            assert (await app.request(method, path, json=body)).status_code == 403
    asked = {"code": "BC1:00"}
    assert (await operator.post("/v1/verifications", json=asked)).status_code == 403
    async with city.browser() as anybody:
        assert (await anybody.post("/v1/verifications", json=asked)).status_code == 401
    assert (await lin.get("/v1/verifiers/me")).status_code == 403


async def test_a_provider_manages_the_readers_of_their_own_mini_apps(
    city: City, operator: Person, desk: Reader
) -> None:
    provider = await provider_of(city, "museum", "+8613800000007")
    assert (await provider.get("/v1/verifiers")).json()["items"] == []
    refused = await provider.post("/v1/verifiers", json=ASKED)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/app_id")
    assert (await provider.delete(f"/v1/verifiers/{desk.id}")).status_code == 404
    made = await added(provider, app_id="museum")
    assert [item["id"] for item in (await provider.get("/v1/verifiers")).json()["items"]] == [made["id"]]
    assert len((await operator.get("/v1/verifiers")).json()["items"]) == 2
    assert (await provider.delete(f"/v1/verifiers/{made['id']}")).status_code == 204


async def test_readers_are_listed_in_parts_with_who_waits_for_a_code(
    city: City, operator: Person, desk: Reader
) -> None:
    waiting = await added(operator, name="Desk 4")
    first = (await operator.get("/v1/verifiers", params={"limit": 1})).json()
    second = (await operator.get("/v1/verifiers", params={"limit": 1, "cursor": first["next"]})).json()
    assert [item["id"] for item in first["items"] + second["items"]] == [desk.id, waiting["id"]]
    assert first["items"][0]["enrolled_at"] is not None
    assert (second["items"][0]["enrolled_at"], second["next"]) == (None, None)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [({"role": "kiosk"}, "/role"), ({"app_id": "nobody"}, "/app_id"), ({"name": " "}, "/name"), ({"x": 1}, "/x")],
)
async def test_a_reader_that_could_read_nothing_is_not_added(operator: Person, changes: Json, pointer: str) -> None:
    refused = await operator.post("/v1/verifiers", json=ASKED | changes)
    assert refused.status_code == 400
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]


async def test_adding_and_removing_is_audited(city: City, operator: Person, desk: Reader) -> None:
    await operator.delete(f"/v1/verifiers/{desk.id}")
    rows = await city.rows(
        "SELECT actor_kind, action FROM core_audit_entry WHERE subject LIKE 'verifier:%' ORDER BY id"
    )
    assert [(row["actor_kind"], row["action"]) for row in rows] == [
        ("operator", "verifier.added"),
        ("verifier", "verifier.enrolled"),
        ("operator", "verifier.removed"),
    ]


async def test_no_token_and_no_code_is_stored_as_it_is(city: City, operator: Person, desk: Reader) -> None:
    code = (await added(operator))["enrolment_code"].replace("-", "")
    rows = str([dict(row) for table in ("verifier", "enrolment") for row in await stored(city, table)])
    assert desk.token not in rows
    assert code not in rows
    assert code[4:] not in rows


async def stored(city: City, table: str) -> list[Any]:
    return await city.rows(f"SELECT * FROM card_wallet_{table}")


async def test_another_reader_cannot_be_guessed(city: City, operator: Person, desk: Reader) -> None:
    other = await enrolled(city, operator)
    assert other.token != desk.token
    assert len(other.token) > 40
    desk.http.headers["authorization"] = "Bearer bv_" + uuid4().hex
    assert (await desk.http.get("/v1/verifiers/me")).status_code == 401


def test_codes_have_no_characters_that_look_alike() -> None:
    seen = {enrolment_codes.new_code() for _ in range(200)}
    assert len(seen) == 200
    assert not set("".join(seen)) & set("OILU")
    assert all(enrolment_codes.normalised(enrolment_codes.grouped(code)) == code for code in seen)
    assert enrolment_codes.normalised("７k2m-9xq4-tboc") == "7K2M9XQ4TB0C"
    assert [enrolment_codes.normalised(text) for text in ("", "7K2M-9XQ4", "U" * 12, "7K2M-9XQ4-TB0C-1")] == [None] * 4


async def test_codes_that_nobody_used_are_removed_after_their_day(city: City, operator: Person, desk: Reader) -> None:
    await added(operator)
    await readers.forget_old_codes(city.state["clock"])
    assert len(await stored(city, "enrolment")) == 1
    city.clock.ahead = timedelta(hours=24, seconds=1)
    await readers.forget_old_codes(city.state["clock"])
    assert await stored(city, "enrolment") == []

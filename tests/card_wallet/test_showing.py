"""A resident shows a card, and a reader asks whether it is good."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app_server.kernel.redis import RedisUnavailable
from card_wallet import codes
from tests.actors import Person
from tests.card_wallet.conftest import Json, Library, Reader, code_of, enrolled, refused
from tests.city import City
from tests.factories import LIBRARY_MANIFEST, consent, publish, subject
from tests.round_trips import RoundTrips


async def test_a_code_opens_once_and_the_second_reader_hears_where_it_was_used(
    lin: Person, card: Json, desk: Reader, gate: Reader
) -> None:
    text = (await code_of(lin, card))["text"]
    first = await desk.scans(text)
    assert first.status_code == 201, first.text
    assert refused(await desk.scans(text)) == (32, "card_code_already_used")
    assert refused(await gate.scans(text)) == (33, "card_code_used_elsewhere")


async def test_a_desk_sees_the_least_it_needs_in_its_language(lin: Person, card: Json, desk: Reader) -> None:
    seen = (await desk.scans((await code_of(lin, card))["text"])).json()
    assert seen["card"] == {"type": "library-card", "title": "Library card", "status": "active"}
    assert seen["fields"] == [
        {"name": "holder_name", "label": "Holder", "value": "林依婷"},
        {"name": "card_number", "label": "Card number", "value": "FZ20260000417"},
    ]
    assert seen["verifier"] == {"name": "Desk 3", "place": "Fuzhou Library, ground floor"}
    desk.http.headers["accept-language"] = "zh-CN"
    seen = (await desk.scans((await code_of(lin, card))["text"])).json()
    assert (seen["card"]["title"], seen["fields"][0]["label"]) == ("借书证", "持证人")


async def test_a_gate_learns_that_the_card_is_good_and_not_whose_it_is(lin: Person, card: Json, gate: Reader) -> None:
    answer = await gate.scans((await code_of(lin, card))["text"])
    assert answer.status_code == 201
    assert answer.json()["fields"] == []
    assert "林依婷" not in answer.text


async def test_the_phone_shows_a_new_code_each_time_and_says_when_to_renew(
    city: City, lin: Person, card: Json, desk: Reader
) -> None:
    first, second = await code_of(lin, card), await code_of(lin, card)
    assert first["text"] != second["text"]
    assert first["spoken"] != second["spoken"]
    assert first["refresh_in"] == 15
    assert len(first["text"]) == 36
    assert {(await desk.scans(shown["text"])).status_code for shown in (first, second)} == {201}
    (kept,) = [await city.state["redis"].call("TTL", key) for key in await live_codes(city, lin, card)]
    assert 55 <= kept <= 60


async def live_codes(city: City, person: Person, card: Json) -> set[bytes]:
    """The keys of a code that was just shown."""
    before = set(await city.state["redis"].call("KEYS", "card:shown:*"))
    await code_of(person, card)
    return set(await city.state["redis"].call("KEYS", "card:shown:*")) - before


async def test_the_digits_work_in_place_of_the_picture_and_use_up_the_same_code(
    lin: Person, card: Json, desk: Reader, gate: Reader
) -> None:
    shown = await code_of(lin, card)
    assert (await desk.scans(" ".join(shown["spoken"]))).status_code == 201
    assert refused(await gate.scans(shown["text"])) == (33, "card_code_used_elsewhere")


async def test_a_reader_that_guesses_digits_is_stopped(desk: Reader) -> None:
    guesses = await asyncio.gather(*(desk.scans(codes.spoken(number)) for number in range(40)))
    outcomes = [answer.json()["code"] for answer in guesses]
    assert outcomes.count("card_code_stale") == 30
    assert outcomes.count("too_many_requests") == 10


async def test_a_code_that_nobody_keeps_any_more_is_stale(city: City, lin: Person, card: Json, desk: Reader) -> None:
    text = (await code_of(lin, card))["text"]
    await city.state["redis"].call("FLUSHALL")
    assert refused(await desk.scans(text)) == (30, "card_code_stale")
    assert (await desk.scans((await code_of(lin, card))["text"])).status_code == 201


async def test_twenty_scans_at_once_open_once(lin: Person, card: Json, desk: Reader, city: City) -> None:
    text = (await code_of(lin, card))["text"]
    answers = await asyncio.gather(*(desk.scans(text) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19
    assert len(await city.rows("SELECT id FROM card_wallet_presentation")) == 1


async def test_a_reader_whose_answer_was_lost_asks_again_with_the_same_key(
    lin: Person, card: Json, desk: Reader, city: City
) -> None:
    text = (await code_of(lin, card))["text"]
    first = await desk.scans(text, key="scan-1")
    again = await desk.scans(text, key="scan-1")
    assert again.status_code == 201
    assert again.json() == first.json()
    await city.state["redis"].call("FLUSHALL")
    assert (await desk.scans(text, key="scan-1")).json() == first.json()
    assert len(await city.rows("SELECT id FROM card_wallet_presentation")) == 1


async def test_twenty_repeats_at_once_are_one_look_and_one_answer(
    lin: Person, card: Json, desk: Reader, city: City
) -> None:
    text = (await code_of(lin, card))["text"]
    answers = await asyncio.gather(*(desk.scans(text, key="scan-1") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len(await city.rows("SELECT id FROM card_wallet_presentation")) == 1


async def test_a_repeat_is_no_second_look(library: Library, lin: Person, card: Json, desk: Reader, city: City) -> None:
    text = (await code_of(lin, card))["text"]
    assert (await desk.scans(text, key="scan-1")).status_code == 201
    await library.sets(card["id"], "suspended")
    assert refused(await desk.scans(text, key="scan-1")) == (41, "card_suspended")
    await city.state["redis"].call("FLUSHALL")
    assert refused(await desk.scans(text, key="scan-1")) == (41, "card_suspended")
    await library.sets(card["id"], "active")
    assert (await desk.scans(text, key="scan-1")).status_code == 201
    city.clock.ahead = codes.REMEMBERED + timedelta(seconds=1)
    assert refused(await desk.scans(text, key="scan-1")) == (30, "card_code_stale")


async def test_the_ledger_names_what_the_card_had_to_show_and_no_more(
    city: City, library: Library, lin: Person, card: Json, desk: Reader
) -> None:
    await library.issues(lin, fields={"card_number": "FZ1"})
    seen = await desk.scans((await code_of(lin, card))["text"])
    assert [field["name"] for field in seen.json()["fields"]] == ["card_number"]
    await city.work()
    (look,) = (await lin.get("/v1/ledger")).json()["items"]
    assert look["fields"] == ["card_number"]
    (row,) = await city.rows("SELECT shown_fields FROM card_wallet_presentation")
    assert row["shown_fields"] == ["card_number"]


async def test_a_key_stands_for_one_code_only(lin: Person, card: Json, desk: Reader) -> None:
    first, second = (await code_of(lin, card))["text"], (await code_of(lin, card))["text"]
    assert (await desk.scans(first, key="scan-1")).status_code == 201
    other = await desk.scans(second, key="scan-1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    other = await desk.scans(second, key="scan-1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_key_of_one_reader_means_nothing_to_another(
    lin: Person, card: Json, desk: Reader, gate: Reader
) -> None:
    text = (await code_of(lin, card))["text"]
    assert (await desk.scans(text, key="scan-1")).status_code == 201
    assert refused(await gate.scans(text, key="scan-1")) == (33, "card_code_used_elsewhere")
    assert (await gate.scans((await code_of(lin, card))["text"], key="scan-1")).status_code == 201


@pytest.mark.parametrize(
    ("status", "refusal"), [("revoked", (40, "card_revoked")), ("suspended", (41, "card_suspended"))]
)
async def test_a_card_that_its_issuer_stopped_is_refused_even_with_a_code_shown_before(
    library: Library, lin: Person, card: Json, desk: Reader, city: City, status: str, refusal: tuple[int, str]
) -> None:
    text = (await code_of(lin, card))["text"]
    assert (await library.sets(card["id"], status)).status_code == 200
    assert refused(await desk.scans(text)) == refusal
    assert await city.rows("SELECT id FROM card_wallet_presentation") == []
    cannot = await lin.get(f"/v1/cards/{card['id']}/code")
    assert (cannot.status_code, cannot.json()["code"]) == (409, "card_cannot_be_shown")
    assert cannot.json()["card_status"] == status


async def test_a_card_that_has_expired_is_neither_shown_nor_taken(
    library: Library, lin: Person, card: Json, desk: Reader, city: City
) -> None:
    ends = (city.clock() + timedelta(seconds=30)).isoformat()
    assert (await library.issues(lin, expires_at=ends)).status_code == 201
    text = (await code_of(lin, card))["text"]
    city.clock.ahead = timedelta(seconds=31)
    assert refused(await desk.scans(text)) == (23, "card_expired")
    assert (await lin.get(f"/v1/cards/{card['id']}")).json()["status"] == "expired"
    assert (await lin.get(f"/v1/cards/{card['id']}/code")).json()["card_status"] == "expired"


async def test_another_offices_card_is_not_accepted_here(
    city: City, library: Library, lin: Person, operator: Person, desk: Reader
) -> None:
    manifest = {**library_like("museum"), "name": "福州市博物馆"}
    await publish(city, manifest)
    await consent(city, lin, ["cards:issue"], "museum")
    async with library.browser(app_id="museum") as museum:
        asked = {"sub": subject(city, lin, "museum"), "type": "library-card", "number": "M1", "fields": {}}
        issued = await museum.post("/v1/cards", json=asked)
    assert issued.status_code == 201, issued.text
    assert refused(await desk.scans((await code_of(lin, issued.json()))["text"])) == (42, "card_not_accepted_here")
    theirs = await enrolled(city, operator, app_id="museum")
    assert (await theirs.scans((await code_of(lin, issued.json()))["text"])).status_code == 201


def library_like(app_id: str) -> Json:
    """The library's manifest under another id."""
    return {**LIBRARY_MANIFEST, "app_id": app_id}


async def test_a_role_that_the_card_does_not_name_is_refused(
    city: City, lin: Person, card: Json, desk: Reader, gate: Reader, library: Library
) -> None:
    manifest = library_like("library")
    cards = [{**manifest["banyan"]["cards"][0], "disclose": {"desk": ["card_number"]}}]
    await publish(city, {**manifest, "banyan": {**manifest["banyan"], "cards": cards}})
    assert refused(await gate.scans((await code_of(lin, card))["text"])) == (42, "card_not_accepted_here")
    seen = await desk.scans((await code_of(lin, card))["text"])
    assert [field["name"] for field in seen.json()["fields"]] == ["card_number"]


@pytest.mark.parametrize(
    ("code", "refusal"),
    [("", 10), ("hello", 11), ("BC1:?", 12), ("BC1:00", 13), ("123456789012", 10), ("BC1:" + "0" * 4000, 13)],
)
async def test_what_is_not_a_code_is_refused_with_a_number(desk: Reader, code: str, refusal: int) -> None:
    assert refused(await desk.scans(code))[0] == refusal


async def test_a_scanner_that_ends_with_a_line_break_is_understood(lin: Person, card: Json, desk: Reader) -> None:
    assert (await desk.scans((await code_of(lin, card))["text"] + "\r\n")).status_code == 201


async def test_every_look_is_kept_by_name_and_never_by_value_and_cannot_be_changed(
    city: City, lin: Person, card: Json, desk: Reader, gate: Reader
) -> None:
    await desk.scans((await code_of(lin, card))["text"])
    await gate.scans((await code_of(lin, card))["spoken"])
    rows = await city.rows("SELECT * FROM card_wallet_presentation ORDER BY id")
    assert [row["shown_fields"] for row in rows] == [["holder_name", "card_number"], []]
    assert [(row["verifier_name"], row["role"], row["form"]) for row in rows] == [
        ("Desk 3", "desk", "handle"),
        ("Desk 3", "gate", "spoken"),
    ]
    events = await city.rows("SELECT payload FROM core_outbox_event WHERE name = 'card_presented' ORDER BY id")
    assert len(events) == 2
    assert "FZ20260000417" not in str(rows) + str(events)
    for change in ("UPDATE card_wallet_presentation SET place = 'x'", "DELETE FROM card_wallet_presentation"):
        with pytest.raises(Exception, match="append-only"):
            await city.execute(change)


async def test_the_resident_sees_who_looked(city: City, lin: Person, card: Json, desk: Reader) -> None:
    await desk.scans((await code_of(lin, card))["text"])
    await city.work()
    (look,) = (await lin.get("/v1/ledger")).json()["items"]
    assert look["who"] == {"kind": "verifier", "name": "Desk 3", "place": "Fuzhou Library, ground floor"}
    assert look["fields"] == ["holder_name", "card_number"]


async def test_while_valkey_is_away_cards_are_listed_and_codes_say_so(
    city: City, lin: Person, card: Json, desk: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (await code_of(lin, card))["text"]

    async def away(*command: Any) -> None:
        raise RedisUnavailable("gone")

    monkeypatch.setattr(city.state["redis"], "call", away)
    assert (await lin.get("/v1/cards")).status_code == 200
    for answer in (
        await lin.get(f"/v1/cards/{card['id']}/code"),
        await desk.scans(text),
        await desk.scans(codes.spoken(1)),
    ):
        assert (answer.status_code, answer.json()["code"]) == (503, "cards_offline")
        assert answer.headers["retry-after"] == "2"
    monkeypatch.undo()
    assert (await desk.scans(text)).status_code == 201


async def test_showing_and_verifying_keep_to_their_round_trips(
    city: City, lin: Person, card: Json, desk: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.scans((await code_of(lin, card))["text"])  # the reader and the session are known now
    trips = RoundTrips(monkeypatch, city)
    text = (await code_of(lin, card))["text"]
    assert (trips.redis, len(trips.sql)) == (1, 1), trips.sql
    trips.forget()
    assert (await desk.scans(text)).status_code == 201
    assert (trips.redis, len(trips.sql)) == (1, 1), trips.sql  # and that one is the commit
    texts = [(await code_of(lin, card))["text"] for _ in range(32)]
    trips.forget()
    assert {answer.status_code for answer in await asyncio.gather(*map(desk.scans, texts))} == {201}
    assert len(trips.sql) <= 8  # 32 readings, a few commits
    assert trips.redis <= 8


async def test_the_code_comes_as_a_picture_too_and_to_nobody_else(lin: Person, chen: Person, card: Json) -> None:
    drawn = await lin.get(f"/v1/cards/{card['id']}/code.svg")
    assert drawn.status_code == 200
    assert drawn.headers["content-type"] == "image/svg+xml"
    assert drawn.headers["cache-control"] == "no-store"
    assert drawn.content.startswith(b"<") and b"<path" in drawn.content
    assert (await chen.get(f"/v1/cards/{card['id']}/code.svg")).status_code == 404

"""A mini-app tells a resident something, and the resident reads it."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from app_server.registry.published import listings
from app_server.registry.service import By, suspend
from notifications.inbox import ResidentInbox
from notifications.schemas import InboxPage
from tests.actors import Person
from tests.city import City
from tests.notifications.conftest import Library

HELLO = {"en": {"title": "Hello", "body": "From the city"}, "zh-CN": {"title": "您好", "body": "来自城市"}}


async def deliver(city: City, person: Person, key: str, texts: Mapping[str, Mapping[str, str]] = HELLO) -> UUID:
    inbox = ResidentInbox(state=city.state)
    return await inbox.deliver(resident_id=UUID(person.id), app_id=None, texts=texts, link=None, unique_key=key)


async def inbox_of(person: Person, **params: str) -> dict[str, Any]:
    answer = await person.get("/v1/inbox", params=params)
    assert answer.status_code == 200, answer.text
    InboxPage.model_validate_json(answer.content)  # a hot read makes plain dicts; they are what the schema says
    page: dict[str, Any] = answer.json()
    return page


async def test_a_notice_arrives_in_the_language_of_the_resident(library: Library, reader: Person) -> None:
    sent = await library.tells(reader)
    assert sent.status_code == 202, sent.text
    page = await inbox_of(reader)
    assert page["unread"] == 1
    (notice,) = page["items"]
    assert notice["id"] == sent.json()["id"]
    assert (notice["title"], notice["body"]) == ("您已借阅《Journey》", "请于 May 1 前归还。")
    assert (notice["app_id"], notice["app_name"], notice["position"]) == ("library", "福州市图书馆", 1)
    assert notice["read_at"] is None
    assert (await reader.patch("/v1/me", json={"locale": "en"})).status_code == 200
    (notice,) = (await inbox_of(reader))["items"]
    assert (notice["title"], notice["app_name"]) == ("You borrowed Journey", "Fuzhou Library")


async def test_the_same_notice_sent_again_is_one_notice(library: Library, reader: Person, city: City) -> None:
    first, second = await library.tells(reader, key="loan-7"), await library.tells(reader, key="loan-7")
    assert first.json() == second.json()
    await city.execute("DELETE FROM core_idempotent_answer")  # also after the answer is forgotten
    third = await library.tells(reader, key="loan-7")
    assert third.json() == first.json()
    page = await inbox_of(reader)
    assert len(page["items"]) == 1
    assert page["unread"] == 1


async def test_ten_at_once_with_one_key_are_one_notice(library: Library, reader: Person) -> None:
    answers = await asyncio.gather(*(library.tells(reader, key="loan-8") for _ in range(10)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert [notice["position"] for notice in (await inbox_of(reader))["items"]] == [1]


async def test_only_a_mini_app_with_the_scope_sends_notices(library: Library, reader: Person, city: City) -> None:
    asked = {"sub": library.subject(reader), "template": "borrowed", "data": {"title": "t", "due": "d"}}
    headers = {"idempotency-key": "k"}
    async with city.browser(**headers) as anybody:
        assert (await anybody.post("/v1/notices", json=asked)).status_code == 401
        assert (await anybody.post("/v1/notices", json=asked, headers=reader.http.headers)).status_code == 403
        poor = {"authorization": f"Bearer {library.token('cards:issue')}"}
        refused = await anybody.post("/v1/notices", json=asked, headers=poor)
        assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
        keyless = {"authorization": f"Bearer {library.token()}"}
        del anybody.headers["idempotency-key"]
        refused = await anybody.post("/v1/notices", json=asked, headers=keyless)
        assert (refused.status_code, refused.json()["code"]) == (400, "idempotency_key_required")


async def test_who_did_not_consent_or_no_longer_does_is_left_in_peace(
    library: Library, reader: Person, city: City
) -> None:
    stranger = await city.person("+8613800000002", "陈明")
    assert (await library.tells(stranger)).json()["code"] == "consent_withdrawn"
    (consent,) = (await reader.get("/v1/consents")).json()["items"]
    assert (await reader.delete(f"/v1/consents/{consent['id']}")).status_code == 204
    assert (await library.tells(reader)).json()["code"] == "consent_withdrawn"
    assert (await inbox_of(reader))["items"] == []


async def test_a_suspended_mini_app_says_nothing(library: Library, reader: Person, city: City) -> None:
    await suspend(
        "library",
        reason="it sent too much",
        by=By(kind="operator", id="o"),
        clock=city.clock,
        redis=city.state["redis"],
    )
    await listings(city.state).refresh()
    assert (await library.tells(reader)).status_code == 401


async def test_what_does_not_fit_a_published_template_is_refused_by_name(library: Library, reader: Person) -> None:
    refused = await library.tells(reader, template="free-money")
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_template")
    refused = await library.tells(reader, data={"title": "x", "dew": "y"})
    assert (refused.status_code, refused.json()["code"]) == (422, "notice_data_incomplete")
    assert {error["pointer"] for error in refused.json()["errors"]} == {"/data/due", "/data/dew"}
    assert (await library.tells(reader, data={"title": "x" * 300, "due": "y"})).status_code == 400


async def test_one_mini_app_cannot_flood_one_resident(library: Library, reader: Person) -> None:
    answers = [await library.tells(reader) for _ in range(31)]
    assert [answer.status_code for answer in answers] == [202] * 30 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0


async def test_the_texts_lie_sealed_in_the_table(library: Library, reader: Person, city: City) -> None:
    await library.tells(reader)
    (row,) = await city.rows("SELECT * FROM notifications_message")
    assert b"Journey" not in bytes(row["texts"])
    assert not [value for value in row.values() if isinstance(value, str) and "Journey" in value]


async def test_the_inbox_is_its_owners_alone(lin: Person, city: City) -> None:
    message_id = await deliver(city, lin, "k")
    stranger = await city.person("+8613800000002", "陈明")
    for method, path, owner in (
        ("GET", "/v1/inbox", 200),
        ("POST", f"/v1/inbox/{message_id}/read", 204),
    ):
        async with city.browser() as anybody:
            assert (await anybody.request(method, path)).status_code == 401
        assert (await lin.http.request(method, path)).status_code == owner
    assert (await inbox_of(stranger))["items"] == []
    assert (await stranger.post(f"/v1/inbox/{message_id}/read")).status_code == 404
    assert (await stranger.post(f"/v1/inbox/{uuid4()}/read")).status_code == 404


async def test_paging_shows_every_notice_once_newest_first(lin: Person, city: City) -> None:
    for n in range(1, 46):
        await deliver(city, lin, f"k{n}")
    seen: list[int] = []
    cursor = None
    while True:
        page = await inbox_of(lin, **({"cursor": cursor} if cursor else {}))
        seen += [notice["position"] for notice in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == list(range(45, 0, -1))
    assert (await lin.get("/v1/inbox", params={"cursor": "nonsense"})).json()["code"] == "bad_cursor"
    assert (await lin.get("/v1/inbox", params={"limit": "0"})).status_code == 400


async def test_reading_counts_down_once(lin: Person, city: City) -> None:
    ids = [await deliver(city, lin, f"k{n}") for n in range(5)]
    for _ in range(2):
        assert (await lin.post(f"/v1/inbox/{ids[0]}/read")).status_code == 204
        assert (await inbox_of(lin))["unread"] == 4
    await asyncio.gather(*(lin.post("/v1/inbox/read", json={"up_to": up_to}) for up_to in (3, 4, 3, 4)))
    page = await inbox_of(lin)
    assert page["unread"] == 1
    assert [notice["read_at"] is None for notice in page["items"]] == [True, False, False, False, False]
    assert (await lin.post("/v1/inbox/read", json={"up_to": -1})).status_code == 400


async def test_positions_have_no_gaps_whatever_fails_or_comes_twice(lin: Person, city: City) -> None:
    async def one(n: int) -> UUID:
        if n % 3 == 0:
            return await deliver(city, lin, f"again{n % 2}")
        if n % 3 == 1:
            return await deliver(city, lin, f"new{n}", texts={"en": {"title": str(n), "body": ""}})
        return await deliver(city, lin, "x" * 201)  # refused by the table: the whole unit of work is undone

    outcomes = await asyncio.gather(*(one(n) for n in range(60)), return_exceptions=True)
    assert sum(isinstance(outcome, Exception) for outcome in outcomes) == 20
    rows = await city.rows("SELECT position FROM notifications_message ORDER BY position")
    assert [row["position"] for row in rows] == list(range(1, 23))
    (seat,) = await city.rows("SELECT last_position, unread FROM notifications_inbox")
    assert (seat["last_position"], seat["unread"]) == (22, 22)


async def test_a_notice_that_does_not_open_is_no_trouble_for_other_residents(lin: Person, city: City) -> None:
    chen = await city.person("+8613800000002", "陈明")
    await deliver(city, lin, "k")
    await deliver(city, chen, "k")
    await city.execute("UPDATE notifications_message SET texts = 'x' WHERE resident_id = $1", UUID(chen.id))
    answers = await asyncio.gather(*(person.get("/v1/inbox") for person in (lin, chen, lin, chen)))
    assert [answer.status_code for answer in answers] == [200, 500, 200, 500]

"""What readers do at the lending desk."""

import asyncio

import pytest
from banyan_sdk.testing import City, Visit
from conftest import Clock

from miniapp_library.catalogue import shelves
from miniapp_library.loans import Desk


async def borrow(visit: Visit, book_id: str, key: str | None = None) -> dict[str, object]:
    reply = await visit.post("/api/loans", {"book_id": book_id}, key=key)
    assert reply.status_code == 201, reply.text
    loan: dict[str, object] = reply.json()
    return loan


async def refused(visit: Visit, book_id: str, key: str | None = None) -> tuple[int, str]:
    reply = await visit.post("/api/loans", {"book_id": book_id}, key=key)
    return reply.status_code, reply.json()["code"]


async def test_a_reader_borrows_a_book_and_gets_her_card_and_a_notice(city: City) -> None:
    lin = city.resident("林晓燕", locale="zh-CN")
    visit = await city.open(lin)
    loan = await borrow(visit, "dream-of-the-red-chamber")
    assert (loan["borrowed_on"], loan["due"], loan["days_left"]) == ("2026-11-22", "2026-12-20", 28)
    await city.settled()
    (card,) = city.platform.cards_of(lin)
    number = card["number"]
    assert card["fields"] == {"holder_name": "林晓燕", "card_number": number, "loans_open": "1"}
    assert city.platform.notices_of(lin) == [
        ("借书成功", f"《红楼梦》请于2026年12月20日前归还。借书证号 {number}。"),
    ]


async def test_a_reader_who_reads_english_is_told_in_english(city: City) -> None:
    amy = city.resident("Amy", locale="en")
    await borrow(await city.open(amy), "jane-eyre")
    await city.settled()
    ((title, body),) = city.platform.notices_of(amy)
    assert title == "You borrowed a book"
    assert body.startswith("“Jane Eyre” is yours until 20 December 2026.")


async def test_a_repeated_request_borrows_once(city: City) -> None:
    lin = city.resident()
    visit = await city.open(lin)
    first, second = await asyncio.gather(borrow(visit, "analects", "tap"), borrow(visit, "analects", "tap"))
    assert first == second
    await city.settled()
    assert len(city.platform.notices_of(lin)) == 1
    assert await refused(visit, "mencius", "tap") == (422, "idempotency_key_reused")
    assert await refused(visit, "analects", "another tap") == (409, "already_borrowed")


async def test_two_readers_may_use_the_same_key(city: City) -> None:
    one, two = await city.open(city.resident()), await city.open(city.resident())
    assert (await borrow(one, "analects", "1"))["id"] != (await borrow(two, "analects", "1"))["id"]


async def test_the_last_copy_goes_to_one_reader(city: City) -> None:
    visits = [await city.open(city.resident()) for _ in range(6)]
    replies = await asyncio.gather(*(visit.post("/api/loans", {"book_id": "art-of-war"}) for visit in visits))
    assert sorted(reply.status_code for reply in replies) == [201, 201, 201, 409, 409, 409]
    late = next(reply for reply in replies if reply.status_code == 409).json()
    assert (late["code"], late["due"]) == ("no_copy_left", "2026-12-20")
    (shown,) = (await visits[0].get("/api/books", q="art of war")).json()["items"]
    assert (shown["copies"], shown["available"]) == (3, 0)


async def test_a_reader_has_ten_books_at_most(city: City) -> None:
    visit = await city.open(city.resident())
    books = [book.id for book in shelves().books[:11]]
    for book in books[:10]:
        await borrow(visit, book)
    assert await refused(visit, books[10]) == (409, "too_many_loans")


async def test_a_returned_book_is_there_for_the_next_reader(city: City) -> None:
    lin, chen = city.resident(), city.resident("陈明")
    mine, his = await city.open(lin), await city.open(chen)
    loan = await borrow(mine, "book-of-min")
    assert await refused(his, "book-of-min") == (409, "no_copy_left")
    for _ in range(2):
        reply = await mine.post(f"/api/loans/{loan['id']}/return")
        assert reply.json()["returned_on"] == "2026-11-22"
    await borrow(his, "book-of-min")
    await city.settled()
    assert [title for title, _ in city.platform.notices_of(lin)] == ["借书成功", "还书成功，谢谢"]
    assert city.platform.cards_of(lin)[0]["fields"]["loans_open"] == "0"


async def test_a_loan_is_its_readers_business_only(city: City) -> None:
    mine, his = await city.open(city.resident()), await city.open(city.resident())
    loan = await borrow(mine, "analects")
    for action in ("return", "renewal"):
        reply = await his.post(f"/api/loans/{loan['id']}/{action}")
        assert (reply.status_code, reply.json()["code"]) == (404, "no_such_loan")
    assert (await his.get("/api/loans")).json()["items"] == []
    assert (await city.send("GET", "/api/loans")).status_code == 401


async def test_a_loan_is_renewed_once_and_not_when_overdue(city: City, clock: Clock) -> None:
    visit = await city.open(city.resident())
    loan = await borrow(visit, "analects")
    clock.pass_days(20)
    renewed = await visit.post(f"/api/loans/{loan['id']}/renewal", key="r")
    assert (renewed.json()["due"], renewed.json()["renewable"]) == ("2027-01-09", False)
    assert (await visit.post(f"/api/loans/{loan['id']}/renewal", key="r")).json() == renewed.json()
    assert (await visit.post(f"/api/loans/{loan['id']}/renewal")).json()["code"] == "not_renewable"
    other = await borrow(visit, "mencius")
    clock.pass_days(29)
    assert (await visit.post(f"/api/loans/{other['id']}/renewal")).json()["code"] == "not_renewable"


async def test_readers_are_reminded_once_before_a_book_is_due(city: City, clock: Clock) -> None:
    lin = city.resident("Lin", locale="en")
    visit = await city.open(lin)
    desk = Desk(city.app, shelves(), clock)
    loan = await borrow(visit, "analects")
    clock.pass_days(24)
    assert await desk.remind() == 0
    clock.pass_days(1)
    assert [await desk.remind(), await desk.remind()] == [1, 0]
    await visit.post(f"/api/loans/{loan['id']}/renewal")
    clock.pass_days(26)
    assert await desk.remind() == 1, "the new date is worth a new word"
    await city.settled()
    assert [body for _, body in city.platform.notices_of(lin)][1:] == [
        "Please return or renew “The Analects” by 20 December 2026.",
        "Please return or renew “The Analects” by 14 January 2027.",
    ]


async def test_a_book_that_left_the_catalogue_can_be_returned_and_keeps_nobody_from_being_reminded(
    city: City, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    lin, chen = city.resident(locale="en"), city.resident("陈明", locale="en")
    mine, his = await city.open(lin), await city.open(chen)
    loan = await borrow(mine, "analects")
    await borrow(his, "mencius")
    monkeypatch.delitem(shelves()._by_id, "analects")
    clock.pass_days(27)
    assert await Desk(city.app, shelves(), clock).remind() == 1
    (item,) = (await mine.get("/api/loans")).json()["items"]
    assert item["book"] == {"id": "analects", "title": {"en": "analects", "zh-CN": "analects"}}
    assert (await mine.post(f"/api/loans/{loan['id']}/return")).status_code == 200
    await city.settled()
    assert [title for title, _ in city.platform.notices_of(chen)] == ["You borrowed a book", "A book is due soon"]
    assert "“analects”" in city.platform.notices_of(lin)[-1][1]


async def test_a_name_that_was_withdrawn_is_forgotten(city: City) -> None:
    lin = city.resident("林晓燕")
    await borrow(await city.open(lin), "analects")
    await city.withdraw(lin, "profile:read")
    await city.settled()
    names = await city.app.store.read(lambda db: [row["name"] for row in db.execute("select name from readers")])
    assert names == [None]
    assert "holder_name" not in city.platform.cards_of(lin)[0]["fields"]
    everything = await city.app.store.read(lambda db: list(db.iterdump()))
    assert not any("林晓燕" in line for line in everything)


async def test_a_name_that_was_withdrawn_while_the_library_is_paused_leaves_the_card_after_the_lift(city: City) -> None:
    lin = city.resident("林晓燕")
    await borrow(await city.open(lin), "analects")
    await city.settled()
    city.platform.suspended = True
    await city.withdraw(lin, "profile:read")
    with pytest.raises(TimeoutError):
        await city.settled(within=0.3)
    assert city.platform.cards_of(lin)[0]["fields"]["holder_name"] == "林晓燕"
    city.platform.suspended = False
    await city.settled()
    assert "holder_name" not in city.platform.cards_of(lin)[0]["fields"]


async def test_a_book_that_does_not_exist_is_not_lent(city: City) -> None:
    visit = await city.open(city.resident())
    assert await refused(visit, "the-little-prince") == (404, "no_such_book")
    assert (await visit.post("/api/loans", {"book": "analects"})).json()["code"] == "invalid_request"


async def test_loans_come_with_what_is_due_first_on_top(city: City, clock: Clock) -> None:
    visit = await city.open(city.resident())
    await borrow(visit, "mencius")
    clock.pass_days(3)
    later = await borrow(visit, "analects")
    mine = (await visit.get("/api/loans")).json()
    assert [loan["book"]["id"] for loan in mine["items"]] == ["mencius", "analects"]
    assert mine["card_number"]
    await visit.post(f"/api/loans/{later['id']}/return")
    mine = (await visit.get("/api/loans")).json()
    assert [loan["book"]["id"] for loan in mine["returned"]] == ["analects"]


async def test_a_year_after_her_last_loan_a_readers_name_goes(city: City, clock: Clock) -> None:
    visit, faithful = await city.open(city.resident("林晓燕")), await city.open(city.resident("陈明"))
    desk = Desk(city.app, shelves(), clock)
    loan = await borrow(visit, "analects")
    await visit.post(f"/api/loans/{loan['id']}/return")
    await borrow(faithful, "analects")
    clock.pass_days(365)
    assert await desk.tidy() == 0
    clock.pass_days(1)
    assert await desk.tidy() == 1
    names = await city.app.store.read(lambda db: [row["name"] for row in db.execute("select name from readers")])
    assert sorted(names, key=str) == [None, "陈明"], "a reader who still has a book is still a reader"


async def test_a_reader_who_wants_no_notices_borrows_all_the_same(city: City) -> None:
    lin = city.resident(grants={"profile:read", "cards:issue"})
    await borrow(await city.open(lin), "analects")
    await city.settled()
    assert len(city.platform.cards_of(lin)) == 1
    assert city.platform.writes == 1, "the platform is not asked for what was not granted"

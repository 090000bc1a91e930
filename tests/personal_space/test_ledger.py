"""Who saw my data: every look is in the book before it is given, stays there, and is the resident's alone to read."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app_server.kernel.events import record
from app_server.kernel.ids import uuid7
from app_server.kernel.ports import Viewer
from app_server.kernel.schemas import Page
from app_server.kernel.unit_of_work import execute, in_unit_of_work
from card_wallet.events import CardPresented
from personal_space.ledger import ResidentLedger
from personal_space.schemas import Look
from tests.actors import Person
from tests.city import City
from tests.factories import app_token, publish, reader_token

DESK = Viewer(kind="verifier", id="1", name="Desk 3", place="Fuzhou Library")
LIBRARY = Viewer(kind="miniapp", id="library", name="library")


@pytest.fixture
async def lin(city: City) -> Person:
    """A resident."""
    return await city.person()


async def look(city: City, person: Person, reference: str, **changes: Any) -> None:
    """Somebody looks."""
    asked: dict[str, Any] = {
        "resident_id": UUID(person.id),
        "who": DESK,
        "purpose": "a question at the desk",
        "fields": ["holder_name"],
        "reference": reference,
        "at": city.clock(),
    }
    await ResidentLedger(clock=city.clock).record_look(**asked | changes)


async def ledger_of(person: Person, **params: str) -> dict[str, Any]:
    answer = await person.get("/v1/ledger", params=params)
    assert answer.status_code == 200, answer.text
    Page[Look].model_validate_json(answer.content)  # a hot read makes plain dicts; they are what the schema says
    page: dict[str, Any] = answer.json()
    return page


async def references(person: Person) -> Sequence[str]:
    return [entry["reference"] for entry in (await ledger_of(person))["items"]]


async def test_the_resident_reads_who_looked_where_what_for_and_at_which_fields(city: City, lin: Person) -> None:
    await look(city, lin, "r1", fields=["holder_name", "card_number"])
    (entry,) = (await ledger_of(lin))["items"]
    assert entry["who"] == {"kind": "verifier", "name": "Desk 3", "place": "Fuzhou Library"}
    assert (entry["purpose"], entry["reference"]) == ("a question at the desk", "r1")
    assert entry["fields"] == ["holder_name", "card_number"]


async def test_purpose_and_mini_app_are_named_in_the_language_of_today(city: City, lin: Person) -> None:
    await publish(city)
    purpose = {"en": "to print your name", "zh-CN": "用于打印姓名"}
    await look(city, lin, "r1", who=LIBRARY, purpose=purpose)
    (entry,) = (await ledger_of(lin))["items"]
    assert (entry["who"]["name"], entry["purpose"]) == ("福州市图书馆", "用于打印姓名")
    await lin.patch("/v1/me", json={"locale": "en"})
    (entry,) = (await ledger_of(lin))["items"]
    assert (entry["who"]["name"], entry["purpose"]) == ("Fuzhou Library", "to print your name")


async def test_a_presented_card_enters_the_book_once(city: City, lin: Person) -> None:
    presented = CardPresented(
        presentation_id=uuid7(),
        card_id=uuid7(),
        resident_id=UUID(lin.id),
        app_id="library",
        card_type="library-card",
        title={"en": "Library card", "zh-CN": "借阅证"},
        verifier_id=uuid7(),
        verifier_name="Desk 3",
        place="Fuzhou Library",
        role="desk",
        purpose="card_check",
        fields=["holder_name"],
        at=city.clock() - timedelta(minutes=5),
    )
    await in_unit_of_work(record)(presented)
    await city.work()
    await city.execute("UPDATE core_job SET state = 'waiting'")  # the worker died before it could say that it was done
    await city.work()
    (entry,) = (await ledger_of(lin))["items"]
    assert entry["purpose"] == "核验您的卡证：借阅证"
    assert entry["reference"] == f"presentation:{presented.presentation_id}"
    assert entry["at"] == presented.at.isoformat().replace("+00:00", "Z")


async def test_the_same_reference_is_one_look_for_each_resident(city: City, lin: Person) -> None:
    chen = await city.person("+8613800000002", "陈明")
    await asyncio.gather(*(look(city, lin, "same") for _ in range(8)), look(city, chen, "same"))
    assert await references(lin) == ["same"]
    assert await references(chen) == ["same"]


async def test_when_the_book_cannot_be_written_nothing_is_shown(city: City, lin: Person) -> None:
    @in_unit_of_work
    async def show() -> str:
        await execute("INSERT INTO core_district (code, name, name_en) VALUES ('999999', 'x', 'x')")
        await look(city, lin, "x" * 201)
        return "the data"

    with pytest.raises(asyncpg.PostgresError):
        await show()
    assert await city.rows("SELECT 1 FROM core_district WHERE code = '999999'") == []
    assert await references(lin) == []


async def test_a_look_that_did_not_take_place_is_not_in_the_book(city: City, lin: Person) -> None:
    @in_unit_of_work
    async def show() -> None:
        await look(city, lin, "r1")
        raise InterruptedError

    with pytest.raises(InterruptedError):
        await show()
    assert await references(lin) == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE personal_space_ledger_entry SET who_name = 'nobody'",
        "DELETE FROM personal_space_ledger_entry",
    ],
)
async def test_nobody_changes_the_book(city: City, lin: Person, change: str) -> None:
    await look(city, lin, "r1")
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await city.execute(change)
    (entry,) = (await ledger_of(lin))["items"]
    assert entry["who"]["name"] == "Desk 3"


async def test_paging_shows_each_look_once_the_latest_first_also_when_several_fall_together(
    city: City, lin: Person
) -> None:
    at = city.clock()
    for n in range(45):
        await look(city, lin, f"r{n}", at=at - timedelta(minutes=n // 7))  # a page of 20 ends among equals
    seen: list[str] = []
    times: list[str] = []
    cursor = None
    while True:
        page = await ledger_of(lin, **({"cursor": cursor} if cursor else {}))
        seen += [entry["reference"] for entry in page["items"]]
        times += [entry["at"] for entry in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(f"r{n}" for n in range(45))
    assert times == sorted(times, reverse=True)
    assert (await lin.get("/v1/ledger", params={"cursor": "W1siaSIsMV1d"})).json()["code"] == "bad_cursor"


async def test_the_book_is_its_owners_alone(city: City, lin: Person) -> None:
    await publish(city)
    await look(city, lin, "r1")
    stranger = await city.person("+8613800000002", "陈明")
    operator = await city.person("+8613800000003", "王芳", roles=("operator",))
    assert await references(lin) == ["r1"]
    assert await references(stranger) == await references(operator) == []
    for authorization, status in (
        ("", 401),
        (f"Bearer {app_token(city, 'cards:issue notices:send profile:read')}", 403),
        (f"Bearer {await reader_token(operator)}", 403),
    ):
        async with city.browser(**({"authorization": authorization} if authorization else {})) as http:
            assert (await http.get("/v1/ledger")).status_code == status

"""A resident is verified by the register or in person; one person has one verified account; undoing it is told."""

import asyncio
import dataclasses
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest

from tests.actors import Person
from tests.city import City

LIN, CHEN, OPERATOR = "+8613800000001", "+8613800000004", "+8613800000002"
NUMBER, OTHER = "11010519491231002X", "350102199003072640"
CARD = {"name": "林依婷", "evidence": "id_card", "document_number": NUMBER}


class Book:
    """A register that says what a test wants."""

    def __init__(self) -> None:
        self.answer: bool | None = True
        self.asked: list[tuple[str, str]] = []

    async def knows(self, *, name: str, id_number: str) -> bool | None:
        self.asked.append((name, id_number))
        return self.answer


@pytest.fixture
def book(city: City) -> Book:
    found = Book()
    city.state["ports"] = dataclasses.replace(city.state["ports"], register=found)
    return found


@pytest.fixture
async def lin(city: City) -> Person:
    return await city.person(LIN)


@pytest.fixture
async def operator(city: City) -> Person:
    return await city.person(OPERATOR, "陈立", roles=("operator",))


async def checks(person: Person, number: str = NUMBER, name: str = "林依婷") -> httpx2.Response:
    return await person.post("/v1/me/identity/register-checks", json={"name": name, "id_number": number})


async def seen(operator: Person, person: Person, **changes: Any) -> httpx2.Response:
    return await operator.post(f"/v1/operator/residents/{person.id}/identity", json=CARD | changes)


async def level(person: Person) -> int:
    return int((await person.get("/v1/me/identity")).json()["level"])


async def test_the_level_goes_up_by_what_is_known(city: City, lin: Person, operator: Person, book: Book) -> None:
    await lin.patch("/v1/me", json={"name": ""})
    assert await level(lin) == 0
    await lin.patch("/v1/me", json={"name": "小林"})
    assert await level(lin) == 1
    verified = (await checks(lin)).json()
    assert (verified["level"], verified["urn"], verified["name"]) == (2, "urn:banyan:ial:2", "林依婷")
    assert (await lin.get("/v1/me")).json()["name"] == "小林"  # what she calls herself stays hers
    assert (await seen(operator, lin)).json()["level"] == 3
    assert [proof["method"] for proof in (await lin.get("/v1/me/identity")).json()["proofs"]] == ["counter", "register"]


async def test_the_number_is_nowhere_in_the_tables(city: City, lin: Person, book: Book) -> None:
    await checks(lin)
    for row in await city.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"):
        found = await city.rows(f"SELECT 1 FROM {row['table_name']} t WHERE t::text LIKE '%' || $1 || '%'", NUMBER)
        assert (row["table_name"], found) == (row["table_name"], [])


async def test_whom_the_register_does_not_know_is_told_so_and_nothing_changes(
    city: City, lin: Person, book: Book
) -> None:
    for answer, code in ((False, "identity_not_matched"), (None, "register_unavailable")):
        book.answer = answer
        assert (await checks(lin)).json()["code"] == code
    assert (await checks(lin, "11010519491231002")).json()["code"] == "document_number_not_valid"
    assert len(book.asked) == 2
    assert await city.rows("SELECT 1 FROM core_identity_proof") == []


async def test_nobody_tries_numbers_at_the_register(city: City, lin: Person, book: Book) -> None:
    book.answer = False
    answers = [await checks(lin) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [409] * 5 + [429]


async def test_one_person_has_one_verified_account_also_at_once(city: City, lin: Person, book: Book) -> None:
    chen = await city.person(CHEN, "陈")
    answers = await asyncio.gather(*(checks(person) for person in (lin, chen) for _ in range(5)))
    kept = await city.rows("SELECT resident_id FROM core_identity_proof")
    assert len(kept) == 1
    winner, loser = (lin, chen) if str(kept[0]["resident_id"]) == lin.id else (chen, lin)
    codes = {answer.json().get("code") for answer in answers}
    assert codes == {None, "identity_in_use"}
    assert (await level(winner), await level(loser)) == (2, 1)


async def test_an_account_is_one_person(city: City, lin: Person, operator: Person, book: Book) -> None:
    await checks(lin)
    assert (await seen(operator, lin, document_number=OTHER)).json()["code"] == "identity_is_another"
    passport = await seen(operator, lin, evidence="passport", document_number="E1234 5678", birthdate="1949-12-31")
    assert passport.json()["level"] == 3


async def test_a_verification_that_is_taken_back_is_told_and_audited(
    city: City, lin: Person, operator: Person, book: Book
) -> None:
    proof = (await seen(operator, lin)).json()["proofs"][0]["id"]
    path = f"/v1/operator/identity-proofs/{proof}/revocation"
    answers = await asyncio.gather(*(operator.post(path, json={"reason": "a false card"}) for _ in range(5)))
    assert {answer.json()["level"] for answer in answers} == {1}
    await city.work()
    titles = [notice["title"] for notice in (await lin.get("/v1/inbox")).json()["items"]]
    assert len(titles) == 2
    acts = await city.rows("SELECT action FROM core_audit_entry WHERE action LIKE 'identity.%' ORDER BY id")
    assert [row["action"] for row in acts] == ["identity.proven", "identity.revoked"]
    chen = await city.person(CHEN, "陈")
    assert (await seen(operator, chen)).status_code == 200  # the card is free again


async def test_what_is_too_old_does_not_hold(city: City, lin: Person, operator: Person) -> None:
    today = city.clock().date()
    assert (await seen(operator, lin, valid_until=str(today + timedelta(days=1)))).json()["level"] == 3
    city.clock.ahead = timedelta(days=3)
    await lin.sign_in()
    assert await level(lin) == 1


async def test_officers_see_no_values_and_each_look_is_audited(city: City, lin: Person, operator: Person) -> None:
    await seen(operator, lin)
    looked = await operator.get(f"/v1/operator/residents/{lin.id}/identity")
    assert (looked.json()["level"], looked.json()["name"]) == (3, None)
    assert await city.rows("SELECT 1 FROM core_audit_entry WHERE action = 'identity.looked_up'")
    assert (await lin.get(f"/v1/operator/residents/{lin.id}/identity")).status_code == 403
    assert (await operator.get(f"/v1/operator/residents/{UUID(int=7)}/identity")).status_code == 404
    assert (await operator.post(f"/v1/operator/residents/{UUID(int=7)}/identity", json=CARD)).status_code == 404


async def test_a_locked_account_is_not_verified(city: City, lin: Person, operator: Person) -> None:
    body = {"standing": "locked", "reason": "fraud"}
    await operator.http.put(f"/v1/operator/residents/{lin.id}/standing", json=body)
    assert (await seen(operator, lin)).json()["code"] == "account_locked"


async def test_the_page_says_the_level_and_raises_it_without_javascript(city: City, lin: Person, book: Book) -> None:
    headers = {"cookie": f"banyan_session={lin.cookie}", "origin": city.settings.base_url, "accept": "text/html"}
    async with city.browser(**headers, **{"accept-language": "en"}) as browser:
        assert "Level 1 of 3" in (await browser.get("/me/identity")).text
        book.answer = False
        form = {"name": "林<b>", "id_number": NUMBER}
        refused = await browser.post("/me/identity", data=form)
        assert (refused.status_code, "does not know this name" in refused.text) == (409, True)
        assert NUMBER not in refused.text
        assert "<b>" not in refused.text
        for wrong in ({"name": ""}, {"name": "\0", "id_number": NUMBER}, {"name": "林", "id_number": "1" * 5000}):
            assert (await browser.post("/me/identity", data=wrong)).status_code == 400
        book.answer = True
        done = await browser.post("/me/identity", data={"name": "林依婷", "id_number": NUMBER})
        assert (done.status_code, done.headers["location"]) == (303, "/me/identity?done")
        assert "Level 2 of 3" in (await browser.get("/me/identity?done")).text
    async with city.browser(accept="text/html") as stranger:
        assert (await stranger.get("/me/identity")).headers["location"].startswith("/sign-in")


async def test_no_officer_sees_themselves_and_a_number_has_one_spelling(
    city: City, lin: Person, operator: Person
) -> None:
    refused = await seen(operator, operator)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_for_this_account")
    chen = await city.person("+8613800000007", "陈建国")
    passport = {"evidence": "passport", "birthdate": "1990-03-07"}
    assert (await seen(operator, lin, document_number="E12345678", **passport)).status_code == 200
    again = await seen(operator, chen, document_number="ｅ１２３ 45678", **passport)
    assert again.json()["code"] == "identity_in_use"

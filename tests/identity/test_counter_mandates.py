"""At the counter: accounts of children, wards and companies, who acts for them, and how it ends."""

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_server.identity.acting.credit_codes import ALPHABET, check_character, normalised
from app_server.identity.acting.ending import end_due
from app_server.identity.acting.rules import CITY_TIME, of_age
from app_server.identity.presence import FRESH
from tests.actors import Person
from tests.city import City
from tests.identity.factors.people import prove_by_phone
from tests.identity.test_acting import browser_of, switch, until, who
from tests.identity.test_mandates import CHEN, LIN, OVER, titles

CODE, OTHER_CODE = "91350100M000100Y43", "91110000600037341L"
WHY = {"reason": "household register seen"}


@pytest.fixture
async def wang(city: City) -> Person:
    """An operator at the counter."""
    return await city.person("+8613800000009", "王珊", roles=("operator",))


@pytest.fixture
async def lin(city: City) -> Person:
    return await city.person(LIN, "林依婷")


@pytest.fixture
async def chen(city: City) -> Person:
    return await city.person(CHEN, "陈建国")


async def opened(operator: Person, path: str, **body: Any) -> str:
    answer = await operator.post(f"/v1/operator/{path}", json=WHY | body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def day(city: City, days: int) -> str:
    return (city.clock() + timedelta(days=days)).astimezone(CITY_TIME).date().isoformat()


async def child_of(operator: Person, parent: Person, born: date) -> tuple[str, str]:
    """The child's account and the parent's mandate, accepted."""
    child = await opened(operator, "dependants", name="林小明", birth_date=born.isoformat())
    mandate_id = await opened(operator, "mandates", kind="parent", principal_id=child, phone=parent.phone)
    assert (await parent.post(f"/v1/mandates/{mandate_id}/accept", json={})).json()["state"] == "active"
    return child, mandate_id


async def company_of(operator: Person, representative: Person) -> tuple[str, str]:
    """A company, and its legal representative's mandate, accepted."""
    await operator.city.forget_limits()
    company = await opened(operator, "companies", name="福州榕树科技有限公司", credit_code=CODE)
    mandate_id = await opened(
        operator,
        "mandates",
        kind="officer",
        principal_id=company,
        phone=representative.phone,
        until=day(operator.city, 300),
    )
    assert (await representative.post(f"/v1/mandates/{mandate_id}/accept", json={})).json()["state"] == "active"
    return company, mandate_id


async def office(company: str, by: Person, to: Person, **changes: Any) -> str:
    """An office, offered and accepted."""
    body = {"role": "clerk", "phone": to.phone, "until": day(by.city, 200)} | changes
    made = await by.post(f"/v1/companies/{company}/officers", json=body)
    assert made.status_code == 201, made.text
    answer = await to.post(f"/v1/mandates/{made.json()['id']}/accept", json={})
    assert answer.json()["state"] == "active", answer.text
    return str(made.json()["id"])


async def test_a_parent_acts_for_a_child_until_it_is_of_age(city: City, wang: Person, lin: Person) -> None:
    born = (city.clock() - timedelta(days=17 * 365)).astimezone(CITY_TIME).date()
    child, mandate_id = await child_of(wang, lin, born)
    (mine,) = (await lin.get("/v1/mandates")).json()["items"]
    assert (mine["kind"], mine["you_are"], mine["other"]["name"]) == ("parent", "agent", "林小明")
    (row,) = await city.rows("SELECT until_at FROM core_mandate")
    assert row["until_at"] == of_age(born)
    async with browser_of(lin) as http:
        await switch(http, mandate_id)
        assert await who(http) == child
        assert (await http.get("/v1/me")).json()["phone_masked"] is None
        assert (await http.get("/v1/cards")).json()["items"] == []
        assert (await http.get("/v1/inbox")).status_code == 200
    city.clock.ahead = of_age(born) - city.clock() + city.clock.ahead + timedelta(seconds=1)
    await end_due({}, state=city.state)
    await lin.sign_in()
    async with browser_of(lin) as http:
        assert (await switch(http, mandate_id)).status_code == 409
    assert OVER in await titles(lin)
    audited = await city.rows("SELECT action, reason FROM core_audit_entry WHERE reason = $1", WHY["reason"])
    assert [row["action"] for row in audited] == ["resident.opened", "mandate.checked"]


async def test_a_parents_mandate_is_over_at_the_birthday_also_before_the_schedule_comes_round(
    city: City, wang: Person, lin: Person
) -> None:
    born = (city.clock() - timedelta(days=17 * 365)).astimezone(CITY_TIME).date()
    _, mandate_id = await child_of(wang, lin, born)
    city.clock.ahead = of_age(born) - city.clock() + city.clock.ahead - timedelta(minutes=5)
    await lin.sign_in()
    async with browser_of(lin) as http:
        await switch(http, mandate_id)
        city.clock.ahead += timedelta(minutes=6)
        await until(http, "acting_over")


async def test_an_officer_opens_no_mandate_to_themselves(city: City, wang: Person) -> None:
    child = await opened(wang, "dependants", name="林小明", birth_date="2019-05-01")
    asked = {"kind": "parent", "principal_id": child, "phone": wang.phone, **WHY}
    answer = await wang.post("/v1/operator/mandates", json=asked)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_for_this_account")
    assert await city.rows("SELECT 1 FROM core_mandate") == []


async def test_what_an_officer_asks_wrong_is_told(city: City, wang: Person, lin: Person) -> None:
    grown = await opened(wang, "dependants", name="老林", birth_date="1950-02-28")
    company = await opened(wang, "companies", name="福州榕树科技有限公司", credit_code=CODE)
    for path, body, status, told in (
        ("dependants", {"name": "x", "birth_date": "2199-01-01"}, 400, "/birth_date"),
        ("dependants", {"name": "", "birth_date": "2015-01-01"}, 400, "/name"),
        ("companies", {"name": "甲公司", "credit_code": CODE[:-1] + "4"}, 400, "/credit_code"),
        ("companies", {"name": "甲公司", "credit_code": "\u0000"}, 400, "/credit_code"),
        ("companies", {"name": "甲公司", "credit_code": CODE.lower()}, 409, "company_known"),
        ("mandates", {"kind": "parent", "principal_id": grown, "phone": LIN}, 400, "/until"),
        ("mandates", {"kind": "ward", "principal_id": grown, "phone": LIN}, 400, "/until"),
        ("mandates", {"kind": "ward", "principal_id": company, "phone": LIN, "until": day(city, 9)}, 400, "/kind"),
        ("mandates", {"kind": "officer", "principal_id": grown, "phone": LIN, "until": day(city, 9)}, 400, "/kind"),
        ("mandates", {"kind": "ward", "principal_id": lin.id, "phone": LIN, "until": day(city, 9)}, 404, "not_found"),
        (
            "mandates",
            {"kind": "ward", "principal_id": grown, "phone": LIN, "until": day(city, 9), "role": "clerk"},
            400,
            "/role",
        ),
        ("mandates", {"kind": "ward", "principal_id": grown, "phone": "1", "until": day(city, 9)}, 400, "/phone"),
    ):
        answer = await wang.post(f"/v1/operator/{path}", json=WHY | body)
        said = answer.json()
        assert (answer.status_code, said.get("errors", [{}])[0].get("pointer", said["code"])) == (status, told), body
        assert (await lin.post(f"/v1/operator/{path}", json=WHY | body)).status_code == 403
    assert await city.rows("SELECT 1 FROM core_mandate") == []


async def test_a_company_has_a_wallet_an_inbox_and_officers(
    city: City, wang: Person, lin: Person, chen: Person
) -> None:
    company, mandate_id = await company_of(wang, lin)
    async with browser_of(lin) as http:
        await switch(http, mandate_id)
        me = (await http.get("/v1/me")).json()
        assert (me["id"], me["name"]) == (company, "福州榕树科技有限公司")
        assert (await http.get("/v1/cards")).status_code == 200
        page = await http.get("/")
        assert "福州榕树科技有限公司" in page.text
    clerk = await office(company, lin, chen)
    officers = (await lin.get(f"/v1/companies/{company}/officers")).json()["items"]
    assert [(each["role"], each["other"]["name"]) for each in officers] == [
        ("clerk", "陈建国"),
        ("representative", "林依婷"),
    ]
    for method, path in (("GET", "officers"), ("POST", "officers"), ("DELETE", f"officers/{clerk}")):
        body = {"json": {"role": "clerk", "phone": LIN, "until": day(city, 9)}} if method == "POST" else {}
        answer = await chen.http.request(method, f"/v1/companies/{company}/{path}", **body)  # type: ignore[arg-type]
        assert answer.status_code == 404, "a clerk appoints nobody"
    assert (await lin.delete(f"/v1/companies/{company}/officers/{clerk}")).status_code == 204
    async with browser_of(chen) as http:
        assert (await switch(http, clerk)).status_code == 409


async def test_the_last_representative_leaves_only_for_a_successor(
    city: City, wang: Person, lin: Person, chen: Person
) -> None:
    company, mandate_id = await company_of(wang, lin)
    for path in (f"/v1/mandates/{mandate_id}", f"/v1/companies/{company}/officers/{mandate_id}"):
        assert (await lin.delete(path)).json()["code"] == "successor_needed"
    assert (await chen.delete(f"/v1/mandates/{mandate_id}")).status_code == 404
    await office(company, lin, chen, role="representative")
    assert (await lin.delete(f"/v1/mandates/{mandate_id}")).status_code == 204


async def test_of_two_representatives_who_leave_at_once_one_stays(
    city: City, wang: Person, lin: Person, chen: Person
) -> None:
    company, first = await company_of(wang, lin)
    second = await office(company, lin, chen, role="representative")
    answers = await asyncio.gather(
        lin.delete(f"/v1/mandates/{first}"), chen.delete(f"/v1/companies/{company}/officers/{second}")
    )
    assert sorted(answer.status_code for answer in answers) == [204, 409]


async def test_a_company_is_opened_once_however_often_it_is_asked_at_once(city: City, wang: Person) -> None:
    body = WHY | {"name": "甲公司", "credit_code": OTHER_CODE}
    answers = await asyncio.gather(*(wang.post("/v1/operator/companies", json=body) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]


async def test_an_officer_of_the_city_ends_what_must_end_and_a_deleted_company_has_nobody(
    city: City, wang: Person, lin: Person
) -> None:
    company, mandate_id = await company_of(wang, lin)
    async with browser_of(lin) as http:
        await switch(http, mandate_id)
        ended = await wang.post(f"/v1/operator/mandates/{mandate_id}/end", json={"reason": "a court's decision"})
        assert ended.status_code == 204
        assert await who(http) == "acting_over"
    again = await opened(wang, "mandates", kind="officer", principal_id=company, phone=LIN, until=day(city, 30))
    await lin.post(f"/v1/mandates/{again}/accept", json={})
    gone = await wang.http.put(
        f"/v1/operator/residents/{company}/standing", json={"standing": "deleted", "reason": "dissolved"}
    )
    assert gone.status_code == 200, gone.text
    await city.work()
    assert (await lin.get(f"/v1/mandates/{again}")).json()["state"] == "ended"


def test_codes_of_licences_are_told_from_mistyped_ones() -> None:
    assert normalised(f" {CODE.lower()[:6]} {CODE[6:]}") == CODE
    assert normalised(OTHER_CODE) == OTHER_CODE
    for wrong in (CODE[:-1], CODE + "0", CODE.replace("M", "I"), CODE[:-1] + "0", "", "\u0000" * 18):
        assert normalised(wrong) is None


@given(st.text(alphabet=ALPHABET, min_size=17, max_size=17), st.integers(0, 16), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_always_found(body: str, place: int, other: str) -> None:
    code = body + check_character(body)
    assert normalised(code) == code
    if body[place] != other:
        assert normalised(code[:place] + other + code[place + 1 :]) is None


async def test_offices_ask_for_presence_and_send_a_number_few_messages(
    city: City, wang: Person, lin: Person, chen: Person
) -> None:
    company, _ = await company_of(wang, lin)
    path, body = f"/v1/companies/{company}/officers", {"role": "clerk", "phone": CHEN, "until": day(city, 200)}
    statuses = [(await lin.post(path, json=body)).status_code for _ in range(4)]
    assert statuses == [201, 201, 201, 429]
    lin.http.headers["authorization"] = f"Bearer {lin.cookie}"
    city.clock.ahead += FRESH + timedelta(seconds=30)
    await city.forget_limits()
    assert (await lin.post(path, json=body)).json()["code"] == "insufficient_user_authentication"
    await prove_by_phone(lin, "mandates")
    assert (await lin.post(path, json=body)).status_code == 201

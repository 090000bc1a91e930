"""A mandate: offered by one side, accepted by both, seen by both, ended by either, or by the clock."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_server.identity.acting.ending import end_due, forget_old
from app_server.identity.acting.rules import CITY_TIME, begin_of, of_age, plain_code, shown_code
from app_server.identity.locks import lock_resident
from app_server.identity.models import LockedAs
from app_server.identity.presence import FRESH
from tests.actors import Person
from tests.city import City
from tests.factories import publish
from tests.identity.factors.people import prove_by_phone

YOUR_TURN, OTHERS_TURN = "A mandate waits for your answer", "A mandate waits for the other side"
IN_FORCE, OVER = "A mandate is in force", "A mandate has ended"
LIN, CHEN, WANG = "+8613800000001", "+8613800000002", "+8613800000003"


@pytest.fixture
async def lin(city: City) -> Person:
    """The one acted for."""
    return await city.person(LIN, "林依婷")


@pytest.fixture
async def chen(city: City) -> Person:
    """The one who acts."""
    return await city.person(CHEN, "陈建国")


@pytest.fixture
async def wang(city: City) -> Person:
    """A stranger to both."""
    return await city.person(WANG, "王珊")


def terms(city: City, **changes: Any) -> dict[str, Any]:
    """What Lin offers."""
    until = (city.clock() + timedelta(days=20)).astimezone(CITY_TIME).date()
    return {"kind": "caregiver", "you_are": "principal", "reach": "act", "until": until.isoformat()} | changes


async def offered(person: Person, **changes: Any) -> dict[str, Any]:
    answer = await person.post("/v1/mandates", json=terms(person.city, **changes))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def accepted(principal: Person, agent: Person, **changes: Any) -> str:
    """The id of a mandate in force, offered by number."""
    await principal.city.forget_limits()
    mandate_id = (await offered(principal, phone=agent.phone, **changes))["mandate"]["id"]
    answer = await agent.post(f"/v1/mandates/{mandate_id}/accept", json={})
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "active"
    return str(mandate_id)


async def titles(person: Person) -> set[str]:
    """What her inbox says of mandates."""
    await person.city.work()
    await person.patch("/v1/me", json={"locale": "en"})
    return {item["title"] for item in (await person.get("/v1/inbox")).json()["items"]}


async def test_by_number_it_is_in_force_when_the_other_accepts(city: City, lin: Person, chen: Person) -> None:
    made = await offered(lin, phone="138 0000 0002")
    assert (made["code"], made["link"]) == (None, None)
    assert "/mandates" in await city.last_text(CHEN)
    mandate = made["mandate"]
    assert (mandate["state"], mandate["waits_for"], mandate["other"]["phone_masked"]) == (
        "offered",
        "agent",
        "138****0002",
    )
    assert mandate["other"]["name"] is None, "whose number it is stays untold until they accept"
    (seen,) = (await chen.get("/v1/mandates")).json()["items"]
    assert (seen["id"], seen["you_are"], seen["other"]["name"]) == (mandate["id"], "agent", "林依婷")
    assert await titles(chen) == {YOUR_TURN}
    answer = await chen.post(f"/v1/mandates/{mandate['id']}/accept", json={})
    assert (answer.json()["state"], answer.json()["waits_for"]) == ("active", None)
    (mine,) = (await lin.get("/v1/mandates")).json()["items"]
    assert (mine["state"], mine["other"]["name"]) == ("active", "陈建国")
    assert await titles(lin) == {IN_FORCE, OTHERS_TURN}
    assert await titles(chen) == {IN_FORCE, YOUR_TURN}
    rows = await city.rows(
        "SELECT action FROM core_audit_entry WHERE subject = $1 ORDER BY id", f"mandate:{mandate['id']}"
    )
    assert [row["action"] for row in rows] == ["mandate.offered", "mandate.accepted"]


async def test_a_number_that_nobody_has_is_told_the_same(city: City, lin: Person) -> None:
    unknown, known = [await offered(lin, phone=phone) for phone in ("138 0000 0077", "138 0000 0009")]
    assert unknown.keys() == known.keys()
    for made in (unknown, known):
        assert (made["mandate"]["state"], made["mandate"]["other"]["name"]) == ("offered", None)
    assert "/mandates" in await city.last_text("+8613800000077")


async def test_by_code_the_one_who_offers_confirms_who_took_it(
    city: City, lin: Person, chen: Person, wang: Person
) -> None:
    made = await offered(lin)
    code, mandate_id = made["code"], made["mandate"]["id"]
    assert made["link"].endswith(code)
    seen = await chen.post("/v1/mandates/invitations", json={"code": code.lower().replace("-", " ")})
    assert (seen.json()["id"], seen.json()["you_are"], seen.json()["other"]["name"]) == (mandate_id, "agent", "林依婷")
    assert (await wang.get(f"/v1/mandates/{mandate_id}")).status_code == 404
    assert (await wang.post(f"/v1/mandates/{mandate_id}/accept", json={})).status_code == 404
    assert (await lin.post(f"/v1/mandates/{mandate_id}/accept", json={})).json()["state"] == "offered"
    taken = await chen.post(f"/v1/mandates/{mandate_id}/accept", json={"code": code})
    assert (taken.json()["state"], taken.json()["waits_for"]) == ("offered", "principal"), (
        "Lin's early yes was to nobody"
    )
    assert (await lin.get(f"/v1/mandates/{mandate_id}")).json()["other"]["name"] == "陈建国"
    assert await titles(lin) == {YOUR_TURN}
    assert (await lin.post(f"/v1/mandates/{mandate_id}/accept", json={})).json()["state"] == "active"
    assert await titles(lin) == {YOUR_TURN, IN_FORCE}
    assert await titles(chen) == {OTHERS_TURN, IN_FORCE}


async def test_an_open_offer_that_was_taken_waits_for_who_offered_it(city: City, lin: Person, chen: Person) -> None:
    made = await offered(lin, you_are="agent")
    code, mandate_id = made["code"], made["mandate"]["id"]
    taken = await chen.post(f"/v1/mandates/{mandate_id}/accept", json={"code": code})
    assert (taken.json()["state"], taken.json()["waits_for"]) == ("offered", "agent")
    assert (await lin.get(f"/v1/mandates/{mandate_id}")).json()["other"]["name"] == "陈建国"
    assert YOUR_TURN in await titles(lin)
    confirmed = await lin.post(f"/v1/mandates/{mandate_id}/accept", json={})
    assert confirmed.json()["state"] == "active"


async def test_wrong_used_own_and_old_codes_are_told_the_same(
    city: City, lin: Person, chen: Person, wang: Person
) -> None:
    made = await offered(lin)
    code, path = made["code"], f"/v1/mandates/{made['mandate']['id']}/accept"
    await chen.post(path, json={"code": code})

    async def refused(person: Person, typed: str) -> tuple[int, str]:
        answer = await person.post("/v1/mandates/invitations", json={"code": typed})
        return answer.status_code, answer.json()["code"]

    fresh = (await offered(lin))["code"]
    not_good = (404, "invitation_not_good")
    for person, typed in ((wang, code), (wang, "BCDF-GHJK-LMNP"), (wang, "x\u0000"), (wang, ""), (lin, fresh)):
        assert await refused(person, typed) == not_good
    assert (await wang.post(path, json={"code": code})).json()["code"] == "invitation_not_good"
    city.clock.ahead += timedelta(days=8)
    await wang.sign_in()
    assert await refused(wang, fresh) == not_good


async def test_codes_cannot_be_tried_for_long(city: City, wang: Person) -> None:
    answers = [await wang.post("/v1/mandates/invitations", json={"code": "BCDF-GHJK-LMNP"}) for _ in range(21)]
    assert [answer.status_code for answer in answers] == [404] * 20 + [429]


async def test_of_many_who_take_one_code_at_once_one_gets_it(
    city: City, lin: Person, chen: Person, wang: Person
) -> None:
    made = await offered(lin)
    path, body = f"/v1/mandates/{made['mandate']['id']}/accept", {"code": made["code"]}
    answers = await asyncio.gather(*(person.post(path, json=body) for person in (chen, wang) * 3))
    (row,) = await city.rows("SELECT agent_id FROM core_mandate")
    winners = {UUID(chen.id): chen, UUID(wang.id): wang}
    assert row["agent_id"] in winners
    good = [answer.status_code for answer in answers].count(200)
    assert good == 3, "the one who has it says the same yes three times; the other is refused three times"
    assert len(await city.rows("SELECT 1 FROM core_audit_entry WHERE action = 'mandate.accepted'")) == 1


async def test_accepting_while_it_is_taken_back_is_one_truth(city: City, lin: Person, chen: Person) -> None:
    for _ in range(10):
        await city.forget_limits()
        mandate_id = (await offered(lin, phone=CHEN))["mandate"]["id"]
        yes, _ = await asyncio.gather(
            chen.post(f"/v1/mandates/{mandate_id}/accept", json={}), lin.delete(f"/v1/mandates/{mandate_id}")
        )
        assert (yes.status_code, yes.json().get("code")) in ((200, None), (409, "mandate_over"), (404, "not_found"))
        (row,) = await city.rows("SELECT state FROM core_mandate WHERE id = $1::uuid", mandate_id)
        assert row["state"] == "ended"
        ends = await city.rows(
            "SELECT 1 FROM core_outbox_event WHERE name = 'mandate_ended' AND payload->>'mandate_id' = $1", mandate_id
        )
        assert len(ends) == 1


async def test_both_may_end_it_at_once_and_it_ends_once(city: City, lin: Person, chen: Person) -> None:
    mandate_id = await accepted(lin, chen)
    answers = await asyncio.gather(*(person.delete(f"/v1/mandates/{mandate_id}") for person in (lin, chen) * 3))
    assert [answer.status_code for answer in answers] == [204] * 6
    assert len(await city.rows("SELECT 1 FROM core_audit_entry WHERE action = 'mandate.ended'")) == 1
    assert OVER in await titles(lin)
    assert OVER in await titles(chen)
    assert (await chen.post(f"/v1/mandates/{mandate_id}/accept", json={})).json()["code"] == "mandate_over"


async def test_who_was_asked_by_number_can_refuse_and_a_stranger_cannot(
    city: City, lin: Person, chen: Person, wang: Person
) -> None:
    mandate_id = (await offered(lin, phone=CHEN))["mandate"]["id"]
    assert (await wang.delete(f"/v1/mandates/{mandate_id}")).status_code == 404
    assert (await chen.delete(f"/v1/mandates/{mandate_id}")).status_code == 204
    seen = (await lin.get(f"/v1/mandates/{mandate_id}")).json()
    assert (seen["state"], seen["ended_by"]) == ("ended", "agent")


async def test_nobody_acts_for_themselves(city: City, lin: Person) -> None:
    answer = await lin.post("/v1/mandates", json=terms(city, phone=LIN))
    assert (answer.status_code, answer.json()["code"]) == (409, "mandate_with_oneself")
    assert await city.rows("SELECT 1 FROM core_mandate") == []


async def test_what_is_asked_wrong_is_told_by_field(city: City, lin: Person) -> None:
    today = city.clock().astimezone(CITY_TIME).date()
    await publish(city)
    for changes, pointer in (
        ({"until": (today - timedelta(days=1)).isoformat()}, "/until"),
        ({"until": (today + timedelta(days=4000)).isoformat()}, "/until"),
        ({"until": "9999-12-31"}, "/until"),
        ({"kind": "counter", "until": (today + timedelta(days=40)).isoformat()}, "/until"),
        ({"starts_on": (today + timedelta(days=30)).isoformat()}, "/until"),
        ({"kind": "parent"}, "/kind"),
        ({"phone": "12345"}, "/phone"),
        ({"app_ids": ["nothing"]}, "/app_ids"),
        ({"app_ids": ["\u0000"]}, "/app_ids"),
        ({"reach": "everything"}, "/reach"),
    ):
        answer = await lin.post("/v1/mandates", json=terms(city, **changes))
        assert answer.status_code == 400, answer.text
        assert answer.json()["errors"][0]["pointer"] == pointer
    assert await city.rows("SELECT 1 FROM core_mandate") == []
    assert (await lin.post("/v1/mandates", json=terms(city, app_ids=["library", "library"]))).status_code == 201


async def test_offers_have_a_limit(city: City, lin: Person) -> None:
    answers = [await lin.post("/v1/mandates", json=terms(city, phone="13800000077")) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]


async def test_the_clock_ends_it_and_offers_that_lie(city: City, lin: Person, chen: Person) -> None:
    in_force = await accepted(lin, chen)
    lying = (await offered(lin))["mandate"]["id"]
    await end_due({}, state=city.state)
    assert {row["state"] for row in await city.rows("SELECT state FROM core_mandate")} == {"active", "offered"}
    city.clock.ahead += timedelta(days=22)
    await end_due({}, state=city.state)
    rows = await city.rows("SELECT id, state, ended_by FROM core_mandate")
    assert {(str(row["id"]), row["state"], row["ended_by"]) for row in rows} == {
        (in_force, "ended", "time"),
        (lying, "ended", "time"),
    }
    city.clock.ahead += timedelta(days=31)
    await forget_old({}, state=city.state)
    assert [str(row["id"]) for row in await city.rows("SELECT id FROM core_mandate")] == [in_force]
    city.clock.ahead += timedelta(days=3 * 366)
    await forget_old({}, state=city.state)
    assert await city.rows("SELECT 1 FROM core_mandate") == []


async def test_an_account_that_is_over_ends_its_mandates(city: City, lin: Person, chen: Person, wang: Person) -> None:
    for principal, agent in ((lin, chen), (chen, wang), (wang, lin)):
        await accepted(principal, agent)
    by, now = {"reason": "a register's word", "by": "test"}, city.clock()
    await lock_resident(UUID(lin.id), **by, now=now, locked_as=LockedAs.DECEASED)
    await city.work()
    rows = await city.rows("SELECT principal_id FROM core_mandate WHERE state = 'active'")
    assert [str(row["principal_id"]) for row in rows] == [chen.id]


@given(st.dates(min_value=date(1950, 1, 1), max_value=date(2090, 12, 31)))
def test_somebody_is_of_age_eighteen_birthdays_later_and_not_a_moment_before(born: date) -> None:
    moment = of_age(born)
    day = moment.astimezone(CITY_TIME).date()
    assert (day.year, moment) == (born.year + 18, begin_of(day))
    assert (day.month, day.day) in ((born.month, born.day), (3, 1))
    assert moment > datetime(born.year + 17, born.month, min(born.day, 28), tzinfo=UTC)


@given(st.text(alphabet="BCDFGHJKLMNPQRSTVWXZ", min_size=12, max_size=12))
def test_a_code_is_read_as_it_is_shown(code: str) -> None:
    assert plain_code(shown_code(code)) == plain_code(f" {code.lower()} ") == code


@given(st.text(max_size=20))
def test_what_is_no_code_is_none(text: str) -> None:
    code = plain_code(text)
    assert code is None or (len(code) == 12 and set(code) <= set("BCDFGHJKLMNPQRSTVWXZ"))


async def test_a_stolen_session_alone_lets_nobody_act_for_its_owner(city: City, lin: Person, chen: Person) -> None:
    asked = (await offered(chen, you_are="agent", phone=lin.phone))["mandate"]["id"]
    for person in (lin, chen):
        person.http.headers["authorization"] = f"Bearer {person.cookie}"
    city.clock.ahead += FRESH + timedelta(seconds=30)
    for path, body in (("/v1/mandates", terms(city, phone=chen.phone)), (f"/v1/mandates/{asked}/accept", {})):
        answer = await lin.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (401, "insufficient_user_authentication")
        assert answer.json()["purpose"] == "mandates"
    assert await city.rows("SELECT 1 FROM core_mandate WHERE principal_id = $1", UUID(lin.id)) == []
    assert (await offered(chen, you_are="agent"))["code"], "who gives nothing away is not asked"
    await prove_by_phone(lin, "mandates")
    assert (await lin.post(f"/v1/mandates/{asked}/accept", json={})).json()["state"] == "active"


async def test_the_next_owner_of_a_number_ends_no_mandate_of_the_one_before(
    city: City, lin: Person, chen: Person
) -> None:
    mandate_id = await accepted(lin, chen)
    await city.execute("UPDATE core_resident SET phone_index = NULL WHERE id = $1", UUID(chen.id))
    heir = await city.person(chen.phone, "王小美")
    assert heir.id != chen.id
    assert (await heir.delete(f"/v1/mandates/{mandate_id}")).status_code == 404
    assert (await lin.get(f"/v1/mandates/{mandate_id}")).json()["state"] == "active"

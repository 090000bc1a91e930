"""With nothing left, a resident gets the account back at a counter: two officers, a day to say no, a new number."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import httpx2
import pytest

from tests.actors import Person
from tests.authenticator import Authenticator
from tests.city import City
from tests.identity.factors.people import set_password
from tests.identity.test_passkeys import added
from tests.pages.test_sign_in_pages import here

NEW = "+8613900000077"
DAY = timedelta(hours=24, seconds=1)


@pytest.fixture
async def lin(city: City) -> Person:
    return await city.person()


@pytest.fixture
async def wang(city: City) -> Person:
    return await officer(city, "+8613800000002")


@pytest.fixture
async def chen(city: City) -> Person:
    return await officer(city, "+8613800000003")


async def officer(city: City, phone: str) -> Person:
    person = await city.person(phone, name="王珊", roles=("operator",))
    person.http.headers["authorization"] = f"Bearer {person.cookie}"
    return person


async def opened(by: Person, phone: str) -> dict[str, Any]:
    answer = await by.post("/v1/operator/recoveries", json={"phone": phone, "evidence": "identity_card"})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def approved(by: Person, recovery: dict[str, Any]) -> httpx2.Response:
    return await by.post(f"/v1/operator/recoveries/{recovery['id']}/approval")


async def begun(city: City, code: str, phone: str = NEW) -> httpx2.Response:
    await city.forget_limits()
    async with city.browser() as browser:
        return await browser.post("/v1/recovery/codes", json={"code": code, "phone": phone})


async def completion(city: City, code: str, phone: str = NEW) -> dict[str, str]:
    challenge = (await begun(city, code, phone)).json()["challenge_id"]
    return {"code": code, "challenge_id": challenge, "phone_code": await city.last_code(phone)}


async def test_two_officers_a_day_and_a_new_number(city: City, lin: Person, wang: Person, chen: Person) -> None:
    await set_password(lin)
    await added(lin, Authenticator())
    recovery = await opened(wang, lin.phone)
    assert (await begun(city, recovery["code"])).json()["code"] == "recovery_not_good"
    assert (await approved(chen, recovery)).status_code == 200
    assert (await begun(city, recovery["code"])).json()["code"] == "recovery_not_ready"
    city.clock.ahead += DAY
    body = await completion(city, recovery["code"].lower())
    async with city.browser() as browser:
        answers = await asyncio.gather(*(browser.post("/v1/recovery/sessions", json=body) for _ in range(5)))
    assert [answer.status_code for answer in answers].count(201) == 1
    taken = next(answer for answer in answers if answer.status_code == 201).json()
    assert (taken["resident"]["id"], taken["resident"]["phone_masked"]) == (lin.id, "139****0077")
    for table in ("core_passkey", "core_password"):
        assert not await city.rows(f"SELECT 1 FROM {table}")
    lin.http.headers["authorization"] = f"Bearer {lin.cookie}"
    assert (await lin.get("/v1/me")).status_code == 401
    actions = {row["action"] for row in await city.rows("SELECT action FROM core_audit_entry")}
    assert {"recovery.opened", "recovery.approved", "factor.recovered"} <= actions


async def test_one_officer_alone_can_do_nothing(city: City, lin: Person, wang: Person, chen: Person) -> None:
    recovery = await opened(wang, lin.phone)
    refused = await approved(wang, recovery)
    assert (refused.status_code, refused.json()["code"]) == (403, "recovery_needs_another")
    own = await wang.post("/v1/operator/recoveries", json={"phone": wang.phone, "evidence": "passport"})
    assert own.json()["code"] == "recovery_needs_another"
    of_chen = await opened(wang, chen.phone)
    assert (await approved(chen, of_chen)).json()["code"] == "recovery_needs_another"
    with pytest.raises(asyncpg.CheckViolationError):
        await city.execute("UPDATE core_recovery SET approved_by = opened_by, ready_at = now()")


async def test_the_owner_hears_of_it_everywhere_and_stops_it_from_a_device(
    city: City, lin: Person, wang: Person, chen: Person
) -> None:
    recovery = await opened(wang, lin.phone)
    await approved(chen, recovery)
    assert "/recover/cancel/" in await city.last_text(lin.phone)
    notices = (await lin.get("/v1/inbox")).json()["items"]
    assert "找回" in notices[0]["title"]
    assert (await lin.get("/v1/me/recovery")).json()["ready_at"] is not None
    assert (await lin.delete("/v1/me/recovery")).status_code == 204
    assert (await lin.delete("/v1/me/recovery")).status_code == 404
    city.clock.ahead += DAY
    assert (await begun(city, recovery["code"])).json()["code"] == "recovery_not_good"


async def test_the_link_of_the_message_stops_it_by_button(city: City, lin: Person, wang: Person, chen: Person) -> None:
    recovery = await opened(wang, lin.phone)
    await approved(chen, recovery)
    link = (await city.last_text(lin.phone)).partition(city.settings.base_url)[2].split()[0]
    async with city.browser(**here(city)) as browser:
        assert "Stop the recovery" in (await browser.get(link)).text
        assert await city.rows("SELECT 1 FROM core_recovery WHERE ended_at IS NULL")  # to look at it stops nothing
        assert "The recovery is stopped." in (await browser.post(link)).text
        assert "There is nothing to stop" in (await browser.post(link)).text
    assert not await city.rows("SELECT 1 FROM core_recovery WHERE ended_at IS NULL")


async def test_a_newer_one_takes_the_place_of_the_older_also_at_once(city: City, lin: Person, wang: Person) -> None:
    await asyncio.gather(*(opened(wang, lin.phone) for _ in range(10)))
    assert len(await city.rows("SELECT 1 FROM core_recovery WHERE ended_at IS NULL")) == 1
    listed = (await wang.get("/v1/operator/recoveries")).json()["items"]
    assert len(listed) == 1
    assert "code" not in listed[0]
    assert (await wang.delete(f"/v1/operator/recoveries/{listed[0]['id']}")).status_code == 204


async def test_what_nobody_approves_in_a_day_of_work_and_who_nobody_knows_is_not_found(
    city: City, lin: Person, wang: Person, chen: Person
) -> None:
    unknown = {"phone": "+8613811112222", "evidence": "passport"}
    assert (await wang.post("/v1/operator/recoveries", json=unknown)).status_code == 404
    recovery = await opened(wang, lin.phone)
    city.clock.ahead += timedelta(hours=9)
    assert (await approved(chen, recovery)).status_code == 404


async def test_a_number_of_somebody_else_is_not_taken_over(city: City, lin: Person, wang: Person, chen: Person) -> None:
    recovery = await opened(wang, lin.phone)
    await approved(chen, recovery)
    city.clock.ahead += DAY
    body = await completion(city, recovery["code"], chen.phone)
    async with city.browser() as browser:
        refused = await browser.post("/v1/recovery/sessions", json=body)
        assert (refused.status_code, refused.json()["code"]) == (409, "number_taken")
        signing_in = {"challenge_id": body["challenge_id"], "code": body["phone_code"]}
        assert (await browser.post("/v1/sign-in/sessions", json=signing_in)).json()["code"] == "challenge_over"
        body = await completion(city, recovery["code"])
        assert (await browser.post("/v1/recovery/sessions", json=body)).status_code == 201


async def test_she_takes_it_back_with_forms_alone(city: City, lin: Person, wang: Person, chen: Person) -> None:
    recovery = await opened(wang, lin.phone)
    await approved(chen, recovery)
    async with city.browser(**here(city)) as browser:
        assert "No way in left?" in (await browser.get("/sign-in")).text
        form = {"code": recovery["code"], "phone": NEW}
        assert (await browser.post("/recover", data=form)).status_code == 409
        city.clock.ahead += DAY
        await city.forget_limits()
        asked = await browser.post("/recover", data=form)
        challenge = asked.text.partition('name="challenge_id" value="')[2].partition('"')[0]
        form |= {"challenge_id": challenge, "phone_code": await city.last_code(NEW)}
        done = await browser.post("/recover", data=form)
        assert done.headers["location"] == "/security"
        assert "139****0077" in (await browser.get("/security")).text

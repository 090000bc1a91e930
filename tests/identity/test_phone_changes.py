"""A resident changes her number: both phones are asked or told, and for a day she can have the old one back."""

import asyncio
from datetime import timedelta

import httpx2
import pytest

from tests.actors import Person
from tests.city import City
from tests.identity.factors.people import by_code, by_password, recovery_codes, second_step, set_password
from tests.pages.test_sign_in_pages import here, hidden, signed_in

NEW = "+8613900000077"
DAY = timedelta(hours=24, seconds=1)


@pytest.fixture
async def lin(city: City) -> Person:
    return await city.person()


async def sent(person: Person, phone: str = NEW) -> dict[str, str]:
    """What confirms the change, read from the new phone."""
    await person.city.forget_limits()
    answer = await person.post("/v1/me/phone-changes", json={"phone": phone})
    assert answer.status_code == 202, answer.text
    return {"challenge_id": answer.json()["challenge_id"], "code": await person.city.last_code(phone)}


async def confirmed(person: Person, body: dict[str, str]) -> httpx2.Response:
    return await person.post("/v1/me/phone-changes/confirmation", json=body)


async def changed(person: Person, phone: str = NEW) -> None:
    answer = await confirmed(person, await sent(person, phone))
    assert answer.status_code == 204, answer.text


async def number_of(person: Person) -> str:
    return str((await person.get("/v1/me")).json()["phone_masked"])


def link_in(text: str, city: City) -> str:
    return text.partition(city.settings.base_url)[2].split()[0]


async def test_the_new_number_counts_at_once_and_the_old_one_is_told(city: City, lin: Person) -> None:
    elsewhere = await city.person()  # signed in by the old number, on another device
    await changed(lin)
    assert await number_of(lin) == "139****0077"
    assert (await elsewhere.get("/v1/me")).status_code == 401
    assert "/phone-changes/" in await city.last_text(lin.phone)
    await city.work()
    titles = {notice["title"] for notice in (await lin.get("/v1/inbox")).json()["items"]}
    assert "您的账号更换了手机号码" in titles
    assert (await by_code(city, NEW)).json()["resident"]["id"] == lin.id
    (entry,) = await city.rows("SELECT subject FROM core_audit_entry WHERE action = 'factor.number_changed'")
    assert entry["subject"] == f"resident:{lin.id}"


async def test_it_needs_her_to_be_there(city: City, lin: Person) -> None:
    lin.http.headers["authorization"] = f"Bearer {lin.cookie}"
    city.clock.ahead += timedelta(minutes=11)
    refused = await lin.post("/v1/me/phone-changes", json={"phone": NEW})
    assert (refused.status_code, refused.json()["purpose"]) == (401, "number")
    assert not await city.rows("SELECT 1 FROM core_sign_in_challenge WHERE number_of IS NOT NULL")


async def test_the_code_is_good_for_this_change_in_this_session_alone(city: City, lin: Person) -> None:
    body, wrong = await sent(lin), {"code": "000 000"}
    assert (await confirmed(lin, body | wrong)).json()["code"] == "code_not_accepted"
    other = await city.person("+8613800000009")
    assert (await confirmed(other, body)).json()["code"] == "challenge_over"
    async with city.browser() as browser:
        assert (await browser.post("/v1/sign-in/sessions", json=body)).json()["code"] == "challenge_over"
    assert (await confirmed(lin, body)).status_code == 204


async def test_whose_number_it_is_hears_only_who_has_it(city: City, lin: Person) -> None:
    chen = await city.person("+8613800000003")
    refused = await confirmed(lin, await sent(lin, chen.phone))
    assert (refused.status_code, refused.json()["code"]) == (409, "number_taken")
    assert await number_of(lin) == "138****0001"
    own = await lin.post("/v1/me/phone-changes", json={"phone": lin.phone})
    assert own.json()["code"] == "number_unchanged"
    typo = await lin.post("/v1/me/phone-changes", json={"phone": "138 0000"})
    assert typo.json()["code"] == "phone_not_valid"


async def test_the_same_twice_at_once_changes_once(city: City, lin: Person) -> None:
    body = await sent(lin)
    answers = await asyncio.gather(*(confirmed(lin, body) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [204, 400, 400, 400]
    assert len(await city.rows("SELECT 1 FROM core_phone_change")) == 1


async def test_two_accounts_at_once_to_one_number_is_one(city: City, lin: Person) -> None:
    chen = await city.person("+8613800000003")
    hers, his = await sent(lin), await sent(chen)
    answers = await asyncio.gather(confirmed(lin, hers), confirmed(chen, his))
    assert sorted(answer.status_code for answer in answers) == [204, 409]
    assert len(await city.rows("SELECT 1 FROM core_phone_change")) == 1


async def test_the_old_number_opens_no_other_account_for_a_day(city: City, lin: Person) -> None:
    chen = await city.person("+8613800000003")
    await changed(lin)
    held = await by_code(city, lin.phone)
    assert (held.status_code, held.json()["code"]) == (409, "number_on_hold")
    assert (await confirmed(chen, await sent(chen, lin.phone))).json()["code"] == "number_on_hold"
    assert len(await city.rows("SELECT 1 FROM core_resident WHERE phone_index IS NOT NULL")) == 2
    again = await lin.post("/v1/me/phone-changes", json={"phone": "+8613900000078"})
    assert again.json()["code"] == "number_changed_lately"
    city.clock.ahead += DAY
    fresh = await by_code(city, lin.phone)
    assert fresh.status_code == 201
    assert fresh.json()["resident"]["id"] != lin.id


async def test_a_sign_in_while_the_number_is_given_up_makes_no_account(city: City, lin: Person) -> None:
    await city.forget_limits()
    async with city.browser() as browser:
        asked = (await browser.post("/v1/sign-in/challenges", json={"phone": lin.phone})).json()
        signing_in = {"challenge_id": asked["challenge_id"], "code": await city.last_code(lin.phone)}
        body = await sent(lin)
        answers = await asyncio.gather(confirmed(lin, body), browser.post("/v1/sign-in/sessions", json=signing_in))
    assert answers[0].status_code == 204
    assert answers[1].status_code in (201, 400, 409)
    if answers[1].status_code == 201:  # she came first, and hangs on the old number
        assert answers[1].json()["resident"]["id"] == lin.id
    assert len(await city.rows("SELECT 1 FROM core_resident")) == 1
    assert len(await city.rows("SELECT 1 FROM core_session WHERE ended_at IS NULL")) == 1


async def test_a_device_brings_it_back_and_shuts_the_thief_out(city: City, lin: Person) -> None:
    await set_password(lin)
    paper = (await recovery_codes(lin))[0]
    step = (await by_password(city, lin.phone)).json()["step"]
    hers = (await second_step(city, step, paper)).json()["access_token"]  # no code to the phone opened this one
    await changed(lin)  # the thief, with a session of hers
    assert (await by_code(city, NEW)).status_code == 201
    headers = {"authorization": f"Bearer {hers}"}
    async with city.browser(**headers) as device:
        latest = (await device.get("/v1/me/phone-changes/latest")).json()
        assert latest["old_phone_masked"] == "138****0001"
        answers = await asyncio.gather(*(device.delete("/v1/me/phone-changes/latest") for _ in range(3)))
        assert sorted(answer.status_code for answer in answers) == [204, 404, 404]
        assert (await device.get("/v1/me")).json()["phone_masked"] == "138****0001"
        assert (await device.get("/v1/me/phone-changes/latest")).json()["changed_at"] is None
    assert (await lin.get("/v1/me")).status_code == 401
    assert len(await city.rows("SELECT 1 FROM core_session WHERE ended_at IS NULL")) == 1
    assert (await by_code(city, NEW)).json()["resident"]["id"] != lin.id


async def test_the_link_brings_it_back_by_button_and_only_for_a_day(city: City, lin: Person) -> None:
    await changed(lin)
    link = link_in(await city.last_text(lin.phone), city)
    async with city.browser(**here(city)) as browser:
        assert "Undo the change" in (await browser.get(link)).text
        assert await city.rows("SELECT 1 FROM core_phone_change WHERE undone_at IS NULL")
        assert "The old mobile number is back." in (await browser.post(link)).text
        assert "There is nothing to undo" in (await browser.post(link)).text
        assert (await lin.get("/v1/me")).status_code == 401
        await lin.sign_in()
        assert await number_of(lin) == "138****0001"
        await changed(lin)
        link = link_in(await city.last_text(lin.phone), city)
        city.clock.ahead += DAY
        assert "There is nothing to undo" in (await browser.post(link)).text


async def test_who_lost_the_phone_comes_in_with_paper_and_gets_a_new_number(city: City, lin: Person) -> None:
    await set_password(lin)
    papers = await recovery_codes(lin)
    step = (await by_password(city, lin.phone)).json()["step"]
    opened = await second_step(city, step, papers[0])
    lin.http.headers["authorization"] = f"Bearer {opened.cookies['banyan_session']}"
    city.clock.ahead += timedelta(minutes=11)
    assert (await lin.post("/v1/me/phone-changes", json={"phone": NEW})).status_code == 401
    proof = await lin.post("/v1/me/presence", json={"purpose": "number", "code": papers[1]})
    assert proof.status_code == 201
    await changed(lin)
    assert await number_of(lin) == "139****0077"


async def test_she_changes_it_with_forms_alone(city: City) -> None:
    async with city.browser(**here(city)) as browser:
        assert (await browser.get("/security/phone")).headers["location"] == "/sign-in?next=%2Fsecurity%2Fphone"
        await signed_in(city, browser)
        assert "/security/phone" in (await browser.get("/security")).text
        assert "Now it is 138****0001" in (await browser.get("/security/phone")).text
        await city.forget_limits()
        assert (await browser.post("/security/phone", data={"act": "send", "phone": "1"})).status_code == 400
        asked = await browser.post("/security/phone", data={"act": "send", "phone": NEW})
        form = {"act": "confirm", "phone": NEW, "challenge_id": hidden(asked.text, "challenge_id")}
        wrong = await browser.post("/security/phone", data=form | {"code": "12"})
        assert wrong.status_code == 400
        assert form["challenge_id"] in wrong.text
        done = await browser.post("/security/phone", data=form | {"code": await city.last_code(NEW)})
        assert done.headers["location"] == "/security?done=number_changed"
        shown = (await browser.get(done.headers["location"])).text
        assert "Before it was 138****0001." in shown
        city.clock.ahead += timedelta(minutes=11)
        asked = await browser.get("/security/phone")
        assert asked.headers["location"] == "/presence?purpose=number&next=%2Fsecurity%2Fphone"
        undone = await browser.post("/security", data={"act": "undo_number"})
        assert undone.headers["location"] == "/security?done=number_restored"
        assert "138****0001" in (await browser.get("/security")).text
        assert (await browser.post("/security", data={"act": "undo_number"})).status_code == 404

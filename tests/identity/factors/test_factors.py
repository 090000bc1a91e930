"""A resident has a password, an authenticator app and recovery codes, and signs in with them."""

import asyncio
import hashlib
from pathlib import Path

import asyncpg
import pytest

from app_server.database import credentials
from app_server.identity.factors import passwords
from app_server.kernel.redis import RedisUnavailable
from app_server.kernel.settings import Settings
from tests.actors import Person
from tests.city import City, open_city
from tests.conftest import EMPTY_ALL
from tests.identity.factors.people import (
    PASSWORD,
    begin_a_step,
    by_code,
    by_password,
    method_of,
    prove,
    recovery_codes,
    second_step,
    set_password,
    set_up_app,
    shown_by_app,
)


@pytest.fixture
async def lin(city: City) -> Person:
    begin_a_step(city)
    return await city.person()


async def test_a_password_and_the_code_of_the_phone_open_a_session(city: City, lin: Person) -> None:
    await set_password(lin)
    halfway = await by_password(city, lin.phone)
    assert halfway.status_code == 202
    code = await city.last_code(lin.phone)
    async with city.browser() as browser:
        body = {"challenge_id": halfway.json()["challenge_id"], "code": code}
        opened = await browser.post("/v1/sign-in/sessions", json=body)
    assert await method_of(city, opened) == "pwd_otp"


async def test_a_password_and_a_recovery_code_open_a_session_without_the_phone(city: City, lin: Person) -> None:
    await set_password(lin)
    codes = await recovery_codes(lin)
    halfway = (await by_password(city, lin.phone)).json()
    opened = await second_step(city, halfway["step"], codes[0].lower().replace("-", " "))
    assert await method_of(city, opened) == "pwd_rc"
    assert (await lin.get("/v1/me/factors")).json()["recovery_codes_left"] == 9
    again = (await by_password(city, lin.phone)).json()  # within a minute: no other code is sent, and none is needed
    assert (again["factor"], again["challenge_id"]) == ("phone_code", None)
    refused = await second_step(city, again["step"], codes[0])
    assert (refused.status_code, refused.json()["code"], refused.json()["tries_left"]) == (
        400,
        "second_code_not_accepted",
        4,
    )


async def test_who_has_an_app_is_asked_for_it_after_the_code_of_the_phone_and_after_the_password(
    city: City, lin: Person
) -> None:
    await set_password(lin)
    secret = await set_up_app(lin)
    asked = await by_code(city, lin.phone)
    assert (asked.status_code, asked.json()["code"]) == (403, "second_step_required")
    assert asked.json()["expires_in"] == 300
    opened = await second_step(city, asked.json()["step"], shown_by_app(secret, city.state))
    assert await method_of(city, opened) == "otp_totp"
    halfway = (await by_password(city, lin.phone)).json()
    assert halfway["challenge_id"] is None
    opened = await second_step(city, halfway["step"], shown_by_app(secret, city.state, later=1))
    assert await method_of(city, opened) == "pwd_totp"


async def test_a_code_of_the_app_works_once_and_near_its_time(city: City, lin: Person) -> None:
    secret = await set_up_app(lin)
    for later, status in ((0, 201), (0, 400), (-1, 400), (1, 201), (2, 400)):
        step = (await by_code(city, lin.phone)).json()["step"]
        answer = await second_step(city, step, shown_by_app(secret, city.state, later=later))
        assert answer.status_code == status, (later, answer.text)


async def test_a_code_sent_a_hundred_times_at_once_opens_one_session(city: City, lin: Person) -> None:
    secret, codes = await set_up_app(lin), await recovery_codes(lin)
    for code, used in ((shown_by_app(secret, city.state), "otp_totp"), (codes[0], "otp_rc")):
        steps = [(await by_code(city, lin.phone)).json()["step"] for _ in range(20)]
        answers = await asyncio.gather(*(second_step(city, step, code) for step in steps for _ in range(5)))
        assert [answer.status_code for answer in answers].count(201) == 1
        assert {answer.status_code for answer in answers} == {201, 400}
        assert len(await city.rows("SELECT 1 FROM core_session WHERE method = $1", used)) == 1


async def test_a_step_takes_five_tries_and_ends_after_five_minutes(city: City, lin: Person) -> None:
    secret = await set_up_app(lin)
    step = (await by_code(city, lin.phone)).json()["step"]
    wrong = f"{(int(shown_by_app(secret, city.state)) + 1) % 10**6:06}"
    answers = await asyncio.gather(*(second_step(city, step, wrong) for _ in range(200)))
    codes = [answer.json()["code"] for answer in answers]
    assert (codes.count("second_code_not_accepted"), codes.count("second_step_over")) == (5, 195)
    right = await second_step(city, step, shown_by_app(secret, city.state))
    assert right.json()["code"] == "second_step_over"


async def test_whatever_is_wrong_with_a_password_is_told_the_same(city: City, lin: Person) -> None:
    await set_password(lin)
    await city.person("+8613800000002")  # who has no password
    told = set()
    for phone, password in (
        (lin.phone, "not the password"),
        (lin.phone, "short"),
        ("+8613800000002", PASSWORD),
        ("+8613811112222", PASSWORD),
    ):
        answer = await by_password(city, phone, password)
        document = {**answer.json(), "request_id": "any"}
        told.add((answer.status_code, str(document)))
    assert len(told) == 1
    assert "password_not_accepted" in str(told)


async def test_it_is_as_much_work_for_a_number_that_nobody_has(
    city: City, lin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_password(lin)
    hashing, worked = passwords.hashing(city.state), []
    run = hashing._run

    async def counted(work: object) -> object:
        worked.append(work)
        return await run(work)  # type: ignore[arg-type]

    monkeypatch.setattr(hashing, "_run", counted)
    done = []
    for phone in (lin.phone, "+8613811112222"):
        worked.clear()
        await by_password(city, phone, "not the password")
        done.append(len(worked))
    assert done == [1, 1]


@pytest.mark.parametrize("phone", ["+8613800000001", "+8613811112222"])
async def test_a_thousand_passwords_at_once_are_ten_also_for_a_number_that_nobody_has(city: City, phone: str) -> None:
    await set_password(await city.person())
    answers = await asyncio.gather(*(by_password(city, phone, f"guess number {n}") for n in range(1000)))
    codes = [answer.json()["code"] for answer in answers]
    assert (codes.count("password_not_accepted"), codes.count("too_many_requests")) == (10, 990)
    assert (await by_password(city, phone)).status_code == 429
    assert all("retry-after" in answer.headers for answer in answers if answer.status_code == 429)


async def test_the_tries_are_forgiven_once_the_whole_sign_in_is_done(city: City, lin: Person) -> None:
    await set_password(lin)
    secret = await set_up_app(lin)
    for _ in range(3):
        await by_password(city, lin.phone, "not the password")
    step = (await by_password(city, lin.phone)).json()["step"]
    assert (await city.rows("SELECT tries FROM core_password_tries"))[0]["tries"] == 4
    assert (await second_step(city, step, shown_by_app(secret, city.state))).status_code == 201
    assert not await city.rows("SELECT 1 FROM core_password_tries")


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "password_not_valid"),
        ("x" * 129, "password_not_valid"),
        ("null\0null", "password_not_valid"),
        ("password1", "password_too_common"),
        ("13800000001", "password_too_common"),
    ],
)
async def test_a_password_that_cannot_be_taken_is_told_why_and_not_repeated(
    lin: Person, password: str, code: str
) -> None:
    refused = await lin.http.put("/v1/me/password", json={"password": password})
    assert (refused.status_code, refused.json()["code"]) == (400, code)
    assert password not in refused.text.replace("password_", "")


async def test_a_stolen_password_cannot_be_taken(settings: Settings, tmp_path: Path) -> None:
    listed = tmp_path / "stolen.txt"
    listed.write_text(hashlib.sha1(PASSWORD.encode()).hexdigest().upper() + ":3\n")
    connection = await asyncpg.connect(**credentials(settings.database_url))
    await connection.execute(EMPTY_ALL)
    await connection.close()
    async with open_city(settings.model_copy(update={"breached_passwords": listed})) as city:
        lin = await city.person()
        refused = await lin.http.put("/v1/me/password", json={"password": PASSWORD})
        assert refused.json()["code"] == "password_too_common"
        await set_password(lin, "another tree by the river")
        listed.write_text("not a list of hashes\n")  # then nobody is kept from choosing one
        await set_password(lin)


async def test_a_change_ends_the_sessions_that_hang_on_it_but_not_the_one_that_asks(city: City, lin: Person) -> None:
    secret = await set_up_app(lin)
    step = (await by_code(city, lin.phone)).json()["step"]
    opened = (await second_step(city, step, shown_by_app(secret, city.state))).json()
    async with city.browser(authorization=f"Bearer {opened['access_token']}") as other:
        assert (await other.get("/v1/me")).status_code == 200
        await prove(lin, "authenticator_app", shown_by_app(secret, city.state, later=1))
        assert (await lin.delete("/v1/me/authenticator-app")).status_code == 204
        assert (await other.get("/v1/me")).status_code == 401
    assert (await lin.get("/v1/me")).status_code == 200
    assert (await by_code(city, lin.phone)).status_code == 201


async def test_a_locked_account_opens_by_no_step(city: City, lin: Person) -> None:
    await set_password(lin)
    secret = await set_up_app(lin)
    step = (await by_password(city, lin.phone)).json()["step"]
    await city.execute("UPDATE core_resident SET locked_at = now()")
    for answer in (
        await second_step(city, step, shown_by_app(secret, city.state)),
        await by_password(city, lin.phone),
        await by_code(city, lin.phone),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "account_locked")


async def test_every_change_is_told_and_written_down(city: City, lin: Person) -> None:
    await set_password(lin)
    await lin.delete("/v1/me/password")
    await set_up_app(lin)
    await recovery_codes(lin)
    await city.work()
    titles = [item["title"] for item in (await lin.get("/v1/inbox")).json()["items"]]
    assert len(titles) == 4
    assert "您的账号设置了密码" in titles
    actions = {row["action"] for row in await city.rows("SELECT action FROM core_audit_entry")}
    assert {"factor.password_set", "factor.app_on", "factor.recovery_codes_made", "factor.password_removed"} <= actions


async def test_an_app_is_confirmed_before_it_counts_and_only_one_is_on(city: City, lin: Person) -> None:
    first = (await lin.post("/v1/me/authenticator-app")).json()["secret"]
    assert (await by_code(city, lin.phone)).status_code == 201
    secret = (await lin.post("/v1/me/authenticator-app")).json()["secret"]
    for shown, status in ((shown_by_app(first, city.state), 400), (shown_by_app(secret, city.state), 204)):
        code = {"code": shown}
        assert (await lin.post("/v1/me/authenticator-app/confirmation", json=code)).status_code == status
    await prove(lin, "authenticator_app", shown_by_app(secret, city.state, later=1))
    assert (await lin.post("/v1/me/authenticator-app")).status_code == 409
    assert (await lin.get("/v1/me/factors")).json()["authenticator_app_since"] is not None


async def test_new_recovery_codes_end_the_old_ones(city: City, lin: Person) -> None:
    old = await recovery_codes(lin)
    await set_up_app(lin)
    new = await recovery_codes(lin)
    assert len({*old, *new}) == 20
    step = (await by_code(city, lin.phone)).json()["step"]
    assert (await second_step(city, step, old[0])).status_code == 400
    assert (await second_step(city, step, new[0])).status_code == 201


async def test_without_valkey_no_password_is_tried(city: City, lin: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    await set_password(lin)

    async def away(*given: object, **named: object) -> object:
        raise RedisUnavailable

    monkeypatch.setattr(city.state["redis"], "call", away)
    assert (await by_password(city, lin.phone)).status_code == 503

"""A locked account: whatever its owner holds opens nothing, until it is unlocked."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from app_server.identity import service
from app_server.identity.locks import lock_resident, unlock_resident
from app_server.kernel.settings import Settings, SettingsError
from app_server.kernel.unit_of_work import fetch
from app_server.locking import change_lock
from app_server.process import process
from tests.actors import Person
from tests.city import City
from tests.identity.test_refresh import renewed
from tests.identity.test_sign_in import PHONE, ask


async def lock(city: City, person: Person) -> bool:
    return await lock_resident(UUID(person.id), reason="phone stolen", by="a test", now=city.clock())


async def sign_in(city: City, challenge: str) -> tuple[int, str, str]:
    """Status, code of the refusal, and cookie."""
    async with city.browser() as browser:
        answer = {"challenge_id": challenge, "code": await city.last_code(PHONE)}
        opened = await browser.post("/v1/sign-in/sessions", json=answer)
        return opened.status_code, opened.json().get("code", ""), browser.cookies.get("banyan_session") or ""


async def test_a_locked_account_is_closed_by_cookie_bearer_refresh_and_code_until_it_is_unlocked(city: City) -> None:
    person = await city.person(PHONE)
    _, _, cookie = await sign_in(city, await ask(city))
    challenge = await ask(city)
    async with city.browser(cookie=f"banyan_session={cookie}") as browser:
        assert (await person.get("/v1/me")).status_code == (await browser.get("/v1/me")).status_code == 200
        await lock(city, person)
        await asyncio.sleep(2)
        assert (await person.get("/v1/me")).status_code == (await browser.get("/v1/me")).status_code == 401
        assert (await renewed(person))[0] == 400
        assert (await sign_in(city, challenge))[:2] == (403, "account_locked")
        await unlock_resident(UUID(person.id), reason="found", by="a test")
        assert (await person.get("/v1/me")).status_code == (await browser.get("/v1/me")).status_code == 401
    assert (await sign_in(city, challenge))[0] == 201


async def test_an_account_is_locked_once_and_unlocked_once(city: City) -> None:
    person = await city.person(PHONE)
    assert [await lock(city, person) for _ in range(2)] == [True, False]
    unlocked = [await unlock_resident(UUID(person.id), reason="found", by="a test") for _ in range(2)]
    assert unlocked == [True, False]
    assert len(await city.rows("SELECT 1 FROM core_audit_entry")) == 2


async def test_a_sign_in_at_the_moment_of_the_lock_does_not_slip_through(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await city.person(PHONE)
    challenge = await ask(city)
    admitted, may_go_on = asyncio.Event(), asyncio.Event()
    new_session = service.new_session

    async def slowly(*given: Any, **named: Any) -> service.OpenedSession:
        admitted.set()
        await may_go_on.wait()
        return await new_session(*given, **named)

    monkeypatch.setattr("app_server.identity.phone_codes.new_session", slowly)
    signing_in = asyncio.create_task(sign_in(city, challenge))
    await admitted.wait()
    locking = asyncio.create_task(lock(city, person))
    await asyncio.sleep(0.5)
    may_go_on.set()
    await asyncio.gather(signing_in, locking)
    assert await city.rows("SELECT 1 FROM core_session WHERE ended_at IS NULL") == []


async def test_a_cookie_of_an_account_that_is_locked_in_the_tables_alone_is_nobody(city: City) -> None:
    await city.person(PHONE)
    _, _, cookie = await sign_in(city, await ask(city))
    await city.execute("UPDATE core_resident SET locked_at = now()")
    async with city.browser(cookie=f"banyan_session={cookie}") as browser:
        assert (await browser.get("/v1/me")).status_code == 401


async def test_an_account_is_locked_and_unlocked_by_its_number(city: City, settings: Settings) -> None:
    person = await city.person(PHONE)
    told = [
        await change_lock(settings, "138 0000 0001", lock=lock, reason=reason)
        for lock, reason in ((True, "phone stolen"), (True, "again"), (False, "it was found"))
    ]
    assert told == [
        "The account of 138****0001 is locked.",
        "The account of 138****0001 is already locked.",
        "The account of 138****0001 is open.",
    ]
    async with process(settings):
        audited = await fetch("SELECT actor_id, action, subject, reason FROM core_audit_entry ORDER BY id")
    assert [tuple(row) for row in audited] == [
        ("banyan lock", "resident.locked", f"resident:{person.id}", "phone stolen"),
        ("banyan unlock", "resident.unlocked", f"resident:{person.id}", "it was found"),
    ]


@pytest.mark.parametrize(
    ("number", "reason", "told"),
    [
        ("12345", "fraud", "not a mobile number"),
        ("13811112222", "fraud", "Nobody has an account"),
        (PHONE, " ", "Say why"),
    ],
)
async def test_who_locks_is_told_what_is_missing(
    city: City, settings: Settings, number: str, reason: str, told: str
) -> None:
    with pytest.raises(SettingsError, match=told):
        await change_lock(settings, number, lock=True, reason=reason)

"""A change of what somebody signs in with needs them to be there now (RFC 9470)."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from app_server.identity.presence import FRESH, TICKET
from tests.actors import Person
from tests.authenticator import Authenticator
from tests.city import City
from tests.identity.factors.people import (
    PASSWORD,
    begin_a_step,
    prove,
    recovery_codes,
    set_password,
    set_up_app,
    shown_by_app,
)
from tests.identity.test_passkeys import added

LATER = FRESH + timedelta(seconds=30)


@pytest.fixture
async def lin(city: City) -> Person:
    begin_a_step(city)
    return await in_a_browser(city)


async def in_a_browser(city: City) -> Person:
    """Signed in for weeks, not for the ten minutes of an access token."""
    person = await city.person()
    person.http.headers["authorization"] = f"Bearer {person.cookie}"
    return person


async def changes(person: Person) -> list[httpx2.Response]:
    """Everything that needs her to be there."""
    ask: Any = person.http.request
    return [
        await ask("PUT", "/v1/me/password", json={"password": PASSWORD}),
        await ask("DELETE", "/v1/me/password"),
        await ask("POST", "/v1/me/authenticator-app"),
        await ask("DELETE", "/v1/me/authenticator-app"),
        await ask("POST", "/v1/me/recovery-codes"),
        await ask("POST", "/v1/passkeys/challenges"),
        await ask("DELETE", "/v1/passkeys/01a201d6-f87e-77c1-af98-f0891d2b7f29"),
    ]


async def test_a_sign_in_of_before_does_for_minutes_then_each_change_asks(city: City, lin: Person) -> None:
    assert all(answer.status_code != 401 for answer in await changes(lin))
    city.clock.ahead += LATER
    for answer in await changes(lin):
        assert (answer.status_code, answer.json()["code"]) == (401, "insufficient_user_authentication")
        told = answer.headers["www-authenticate"]
        assert told.startswith('Bearer error="insufficient_user_authentication"')
        assert 'max_age="600"' in told
        assert "urn:banyan:acr:phone" in told
    assert (await lin.get("/v1/me/factors")).status_code == 200


async def by_phone(city: City, person: Person, purpose: str) -> httpx2.Response:
    await city.forget_limits()
    sent = (await person.post("/v1/me/presence/codes")).json()
    body = {"purpose": purpose, "challenge_id": sent["challenge_id"], "code": await city.last_code(person.phone)}
    return await person.post("/v1/me/presence", json=body)


async def test_a_ticket_is_good_for_one_change_of_its_kind_in_its_session(city: City, lin: Person) -> None:
    other = await in_a_browser(city)
    city.clock.ahead += LATER
    proven = await by_phone(city, lin, "recovery_codes")
    assert (proven.status_code, proven.json()) == (201, {"expires_in": 180})
    assert (await lin.http.put("/v1/me/password", json={"password": PASSWORD})).status_code == 401
    assert (await other.post("/v1/me/recovery-codes")).status_code == 401
    answers = await asyncio.gather(*(lin.post("/v1/me/recovery-codes") for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [201] + [401] * 19


async def test_a_ticket_ends_after_three_minutes(city: City, lin: Person) -> None:
    city.clock.ahead += LATER
    await by_phone(city, lin, "password")
    city.clock.ahead += TICKET
    assert (await lin.http.put("/v1/me/password", json={"password": PASSWORD})).status_code == 401


async def test_a_code_for_presence_opens_no_session_and_one_for_sign_in_proves_none(city: City, lin: Person) -> None:
    await city.forget_limits()
    sent = (await lin.post("/v1/me/presence/codes")).json()
    body = {"challenge_id": sent["challenge_id"], "code": await city.last_code(lin.phone)}
    async with city.browser() as browser:
        assert (await browser.post("/v1/sign-in/sessions", json=body)).json()["code"] == "challenge_over"
        asked = (await browser.post("/v1/sign-in/challenges", json={"phone": lin.phone})).json()
    body = {"purpose": "password", "challenge_id": asked["challenge_id"], "code": await city.last_code(lin.phone)}
    assert (await lin.post("/v1/me/presence", json=body)).json()["code"] == "challenge_over"
    other = await in_a_browser(city)
    await city.forget_limits()
    sent = (await lin.post("/v1/me/presence/codes")).json()
    body = {"purpose": "password", "challenge_id": sent["challenge_id"], "code": await city.last_code(lin.phone)}
    assert (await other.post("/v1/me/presence", json=body)).json()["code"] == "challenge_over"


async def test_who_has_an_app_proves_it_with_the_app_or_paper_and_not_with_the_phone_alone(
    city: City, lin: Person
) -> None:
    secret = await set_up_app(lin)
    codes = await recovery_codes(lin)
    refused = await lin.http.put("/v1/me/password", json={"password": PASSWORD})  # her sign-in was with a code alone
    assert refused.status_code == 401
    assert "acr:phone" not in refused.headers["www-authenticate"]
    assert (await by_phone(city, lin, "password")).status_code == 201
    assert (await lin.http.put("/v1/me/password", json={"password": PASSWORD})).status_code == 401
    await prove(lin, "password", shown_by_app(secret, city.state, later=1))
    await set_password(lin)
    await prove(lin, "password", codes[0])
    await set_password(lin)
    again = await lin.post("/v1/me/presence", json={"purpose": "password", "code": codes[0]})
    assert (again.status_code, again.json()["code"]) == (400, "second_code_not_accepted")


async def test_a_passkey_of_hers_proves_it_and_nobody_elses(city: City, lin: Person) -> None:
    hers, his = Authenticator(), Authenticator()
    await added(lin, hers)
    chen = await city.person("+8613800000002")
    await added(chen, his)
    await set_up_app(lin)
    for device, status in ((his, 400), (hers, 201)):
        asked = (await lin.post("/v1/me/presence/passkey-challenges")).json()
        signed = device.signs(asked["public_key"])
        body = {"purpose": "password", "challenge_id": asked["challenge_id"], "credential": signed}
        answer = await lin.post("/v1/me/presence", json=body)
        assert answer.status_code == status, answer.text
        assert (await lin.post("/v1/me/presence", json=body)).json()["code"] == "passkey_challenge_over"
    await set_password(lin)


@pytest.mark.parametrize(
    "body",
    [
        {"purpose": "password"},
        {"purpose": "password", "challenge_id": "01a201d6-f87e-77c1-af98-f0891d2b7f29"},
        {"purpose": "everything", "code": "123456"},
        {"code": "123456"},
    ],
)
async def test_what_proves_nothing_is_told(lin: Person, body: dict[str, str]) -> None:
    answer = await lin.post("/v1/me/presence", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")


async def test_codes_of_the_app_are_limited(lin: Person) -> None:
    await set_up_app(lin)
    body = {"purpose": "password", "code": "not six"}
    answers = await asyncio.gather(*(lin.post("/v1/me/presence", json=body) for _ in range(100)))
    assert [answer.status_code for answer in answers].count(429) >= 80

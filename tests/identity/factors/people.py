"""What people do with their factors, as steps of tests."""

from datetime import timedelta
from typing import Any

import httpx2

from app_server.identity.factors import otp
from app_server.kernel.state import AppState
from tests.actors import Person
from tests.city import City

PASSWORD = "cassia tree by the river"


def begin_a_step(city: City) -> None:
    """Let a time step have just begun, so that none ends in the middle of a test."""
    city.clock.ahead = timedelta(seconds=otp.STEP - city.clock().timestamp() % otp.STEP)


def shown_by_app(secret: str, state: AppState, *, later: int = 0) -> str:
    """What the app with this secret shows, so many steps later."""
    return otp.code_at(secret, otp.step_at(state["clock"]()) + later)


async def set_up_app(person: Person) -> str:
    """The secret of an app that is confirmed."""
    made = await person.post("/v1/me/authenticator-app")
    assert made.status_code == 201, made.text
    secret = str(made.json()["secret"])
    code = {"code": shown_by_app(secret, person.city.state, later=-1)}
    confirmed = await person.post("/v1/me/authenticator-app/confirmation", json=code)
    assert confirmed.status_code == 204, confirmed.text
    return secret


async def set_password(person: Person, password: str = PASSWORD) -> None:
    answer = await person.http.put("/v1/me/password", json={"password": password})
    assert answer.status_code == 204, answer.text


async def recovery_codes(person: Person) -> list[str]:
    made = await person.post("/v1/me/recovery-codes")
    assert made.status_code == 201, made.text
    codes: list[str] = made.json()["codes"]
    return codes


async def by_password(city: City, phone: str, password: str = PASSWORD) -> httpx2.Response:
    async with city.browser() as browser:
        return await browser.post("/v1/sign-in/passwords", json={"phone": phone, "password": password})


async def by_code(city: City, phone: str) -> httpx2.Response:
    """Sign-in with the phone, as far as it goes."""
    await city.forget_limits()
    async with city.browser() as browser:
        sent = (await browser.post("/v1/sign-in/challenges", json={"phone": phone})).json()
        code = await city.last_code(phone)
        return await browser.post("/v1/sign-in/sessions", json={"challenge_id": sent["challenge_id"], "code": code})


async def second_step(city: City, step: str, code: str) -> httpx2.Response:
    async with city.browser() as browser:
        return await browser.post("/v1/sign-in/second-steps", json={"step": step, "code": code})


async def method_of(city: City, opened: httpx2.Response) -> str:
    """How the session was opened."""
    assert opened.status_code == 201, opened.text
    rows: list[Any] = await city.rows("SELECT method FROM core_session ORDER BY id DESC LIMIT 1")
    return str(rows[0]["method"])


async def prove(person: Person, purpose: str, code: str) -> None:
    """Show by a code of the app, or a recovery code, that it is they."""
    answer = await person.post("/v1/me/presence", json={"purpose": purpose, "code": code})
    assert answer.status_code == 201, answer.text


async def prove_by_phone(person: Person, purpose: str) -> None:
    """Show by a code to the phone that it is they."""
    await person.city.forget_limits()
    sent = (await person.post("/v1/me/presence/codes")).json()
    body = {"purpose": purpose, "challenge_id": sent["challenge_id"], "code": await person.city.last_code(person.phone)}
    answer = await person.post("/v1/me/presence", json=body)
    assert answer.status_code == 201, answer.text

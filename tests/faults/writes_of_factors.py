"""The writes of factors: password, authenticator app, recovery codes, and signing in with them."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import httpx2

from tests.faults.scene import Newcomer, Scene
from tests.faults.wishes import Wish, count, write
from tests.identity.factors.people import PASSWORD, shown_by_app

ORIGIN = {"origin": "http://localhost:8000"}


@write("PUT", "/v1/me/password")
async def set_password(scene: Scene) -> Wish:
    who = await scene.newcomer()
    sql = (
        "SELECT 1 FROM core_password p JOIN core_outbox_event e ON e.payload->>'resident_id' = p.resident_id::text"
        " WHERE p.resident_id = $1 AND e.name = 'factor_changed' LIMIT 1"
    )
    body = {"password": PASSWORD}
    return Wish(path="/v1/me/password", headers=who.headers, options={"json": body}, effects=count(scene, sql, who.id))


@write("DELETE", "/v1/me/password")
async def remove_password(scene: Scene) -> Wish:
    who = await _with_password(scene)
    sql = "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM core_password WHERE resident_id = $1)"
    return Wish(path="/v1/me/password", headers=who.headers, effects=count(scene, sql, who.id))


@write("POST", "/v1/me/authenticator-app")
async def set_up_app(scene: Scene) -> Wish:
    who = await scene.newcomer()
    sql = "SELECT 1 FROM core_authenticator_app WHERE resident_id = $1 AND confirmed_at IS NULL"
    return Wish(path="/v1/me/authenticator-app", headers=who.headers, effects=count(scene, sql, who.id))


@write("POST", "/v1/me/authenticator-app/confirmation")
async def confirm_app(scene: Scene) -> Wish:
    who = await scene.newcomer()
    made = (await scene.http.post("/v1/me/authenticator-app", headers=who.headers)).json()
    sql = "SELECT 1 FROM core_authenticator_app WHERE resident_id = $1 AND confirmed_at IS NOT NULL"
    return Wish(
        path="/v1/me/authenticator-app/confirmation",
        headers=who.headers,
        options={"json": {"code": shown_by_app(made["secret"], scene.city.state)}},
        effects=count(scene, sql, who.id),
    )


@write("DELETE", "/v1/me/authenticator-app")
async def turn_app_off(scene: Scene) -> Wish:
    who, _ = await _with_app(scene)
    await scene.city.execute("UPDATE core_session SET method = 'otp_totp' WHERE id = $1", who.session_id)
    sql = "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM core_authenticator_app WHERE resident_id = $1)"
    return Wish(path="/v1/me/authenticator-app", headers=who.headers, effects=count(scene, sql, who.id))


@write("POST", "/v1/me/recovery-codes")
async def make_recovery_codes(scene: Scene) -> Wish:
    who = await scene.newcomer()
    sql = "SELECT 1 FROM core_recovery_code WHERE resident_id = $1 HAVING count(*) = 10"
    return Wish(path="/v1/me/recovery-codes", headers=who.headers, effects=count(scene, sql, who.id))


@write("POST", "/v1/sign-in/passwords")
async def sign_in_with_password(scene: Scene) -> Wish:
    who = await _with_password(scene)
    await scene.city.forget_limits()
    body = {"phone": await phone_of(scene, who), "password": PASSWORD}
    sql = "SELECT 1 FROM core_sign_in_step WHERE resident_id = $1 LIMIT 1"
    return Wish(path="/v1/sign-in/passwords", options={"json": body}, effects=count(scene, sql, who.id))


@write("POST", "/v1/sign-in/second-steps")
async def answer_second_step(scene: Scene) -> Wish:
    who = await _with_password(scene)
    secret = await _set_up_app(scene, who)
    await scene.city.forget_limits()
    body = {"phone": await phone_of(scene, who), "password": PASSWORD}
    halfway = (await scene.http.post("/v1/sign-in/passwords", json=body)).json()
    sql = (
        "SELECT 1 FROM core_session s JOIN core_refresh_token t ON t.session_id = s.id"
        " WHERE s.resident_id = $1 AND s.method = 'pwd_totp'"
    )
    return Wish(
        path="/v1/sign-in/second-steps",
        options={"json": {"step": halfway["step"], "code": shown_by_app(secret, scene.city.state, later=1)}},
        effects=count(scene, sql, who.id),
    )


@write("POST", "/security")
async def change_security(scene: Scene) -> Wish:
    who = await scene.newcomer()
    sql = "SELECT 1 FROM core_authenticator_app WHERE resident_id = $1 AND confirmed_at IS NULL"
    form = {"act": "app_begin"}
    return Wish(path="/security", headers=who.headers, options={"data": form}, effects=count(scene, sql, who.id))


@write("POST", "/sign-in/password")
async def password_form(scene: Scene) -> Wish:
    who = await _with_password(scene)
    await scene.city.forget_limits()
    form = {"phone": await phone_of(scene, who), "password": PASSWORD}
    sql = "SELECT 1 FROM core_sign_in_step WHERE resident_id = $1 LIMIT 1"
    return Wish(path="/sign-in/password", headers=ORIGIN, options={"data": form}, effects=count(scene, sql, who.id))


@write("POST", "/sign-in/second-step")
async def second_form(scene: Scene) -> Wish:
    wish = await answer_second_step(scene)
    return replace(wish, path="/sign-in/second-step", headers=ORIGIN, options={"data": wish.options["json"]})


@write("POST", "/v1/me/presence/codes")
async def ask_for_presence_code(scene: Scene) -> Wish:
    who = await scene.newcomer()
    sql = "SELECT 1 FROM core_sign_in_challenge WHERE presence_of = $1"
    return Wish(path="/v1/me/presence/codes", headers=who.headers, effects=count(scene, sql, who.session_id))


@write("POST", "/v1/me/presence/passkey-challenges")
async def ask_passkey_for_presence(scene: Scene) -> Wish:
    who = await scene.newcomer()
    sql = "SELECT 1 FROM core_passkey_challenge WHERE resident_id = $1 AND purpose = 'presence'"
    path = "/v1/me/presence/passkey-challenges"
    return Wish(path=path, headers=who.headers, effects=count(scene, sql, who.id))


@write("POST", "/v1/me/presence")
async def prove_presence(scene: Scene) -> Wish:
    who, secret = await _with_app(scene)
    body = {"purpose": "password", "code": shown_by_app(secret, scene.city.state, later=1)}
    return Wish(path="/v1/me/presence", headers=who.headers, options={"json": body}, effects=_tickets(scene, who))


@write("POST", "/presence")
async def presence_form(scene: Scene) -> Wish:
    who, secret = await _with_app(scene)
    form = {"purpose": "password", "code": shown_by_app(secret, scene.city.state, later=1), "next": "/security"}
    return Wish(path="/presence", headers=who.headers, options={"data": form}, effects=_tickets(scene, who))


def _tickets(scene: Scene, who: Newcomer) -> Callable[[httpx2.Response | None], Awaitable[int]]:
    sql = "SELECT 1 FROM core_presence_ticket WHERE session_id = $1 AND purpose = 'password'"
    return count(scene, sql, who.session_id)


async def _with_password(scene: Scene) -> Newcomer:
    who = await scene.newcomer()
    await _set_password(scene, who)
    return who


async def _set_password(scene: Scene, who: Newcomer) -> None:
    answer = await scene.http.put("/v1/me/password", json={"password": PASSWORD}, headers=who.headers)
    assert answer.status_code == 204, answer.text


async def _with_app(scene: Scene) -> tuple[Newcomer, str]:
    who = await scene.newcomer()
    return who, await _set_up_app(scene, who)


async def _set_up_app(scene: Scene, who: Newcomer) -> str:
    secret = str((await scene.http.post("/v1/me/authenticator-app", headers=who.headers)).json()["secret"])
    code = {"code": shown_by_app(secret, scene.city.state)}
    answer = await scene.http.post("/v1/me/authenticator-app/confirmation", json=code, headers=who.headers)
    assert answer.status_code == 204, answer.text
    return secret


async def phone_of(scene: Scene, who: Newcomer) -> str:
    """Their number."""
    rows = await scene.city.rows("SELECT phone_sealed FROM core_resident WHERE id = $1", who.id)
    return scene.city.state["keys"].open("resident.phone", rows[0]["phone_sealed"])

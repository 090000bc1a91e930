"""Every route of login for other programs that changes something: how it is asked, and what must be there after."""

from re import findall

import httpx2
import jwt

from app_server.kernel.crypto import token_hash
from app_server.kernel.ids import uuid7
from tests.authorization.relying_parties import CLINIC, question
from tests.faults.scene import Scene
from tests.faults.wishes import Wish, count, with_key, write


@write("POST", "/v1/provider/clients")
async def register_client(scene: Scene) -> Wish:
    name = f"Clinic {uuid7()}"
    sql = (
        "SELECT 1 FROM core_registered_client c JOIN core_audit_entry a ON a.subject = 'client:' || c.client_id"
        " WHERE c.name->>'en' = $1 AND a.action = 'client.registered'"
    )
    body = {**CLINIC, "name": {"zh-CN": "诊所", "en": name}}
    headers = with_key(scene.provider_headers)
    return Wish(path="/v1/provider/clients", headers=headers, options={"json": body}, effects=count(scene, sql, name))


@write("PUT", "/v1/provider/clients/{client_id}")
async def change_client(scene: Scene) -> Wish:
    client_id = await scene.client()
    sql = "SELECT 1 FROM core_registered_client WHERE client_id = $1 AND version = 2"
    return Wish(
        path=f"/v1/provider/clients/{client_id}",
        headers=scene.provider_headers | {"if-match": '"1"'},
        options={"json": CLINIC},
        effects=count(scene, sql, client_id),
    )


@write("DELETE", "/v1/provider/clients/{client_id}")
async def remove_client(scene: Scene) -> Wish:
    client_id = await scene.client()
    sql = "SELECT 1 FROM core_registered_client WHERE client_id = $1 AND removed_at IS NOT NULL"
    return Wish(
        path=f"/v1/provider/clients/{client_id}",
        headers=scene.provider_headers,
        effects=count(scene, sql, client_id),
    )


@write("POST", "/oauth/userinfo")
async def look(scene: Scene) -> Wish:
    who = await scene.newcomer(consents=True)
    launch_id, token = scene.launch_token(who)
    sql = "SELECT 1 FROM personal_space_ledger_entry WHERE reference = $1"
    return Wish(
        path="/oauth/userinfo",
        headers={"authorization": f"Bearer {token}"},
        effects=count(scene, sql, f"launch:{launch_id}"),
    )


@write("POST", "/oauth/revoke")
async def give_back(scene: Scene) -> Wish:
    who = await scene.newcomer()
    sql = "SELECT 1 FROM core_session WHERE id = $1 AND ended_at IS NOT NULL"
    form = {"client_id": "banyan", "token": who.refresh_token}
    return Wish(path="/oauth/revoke", options={"data": form}, effects=count(scene, sql, who.session_id))


@write("POST", "/oauth/introspect")
async def ask_about(scene: Scene) -> Wish:
    return Wish(path="/oauth/introspect", options={"data": {"token": "br_x", **scene.proof()}})


@write("POST", "/oauth/par")
async def push(scene: Scene) -> Wish:
    state = str(uuid7())
    asked = question(await scene.client(), state=state)
    sql = "SELECT 1 FROM core_authorization_request WHERE asked->>'state' = $1"
    return Wish(path="/oauth/par", options={"data": asked}, effects=count(scene, sql, state))


@write("POST", "/authorize")
async def ask(scene: Scene) -> Wish:
    state = str(uuid7())
    asked = question(await scene.client(), state=state)
    sql = "SELECT 1 FROM core_authorization_request WHERE asked->>'state' = $1"
    return Wish(path="/authorize", options={"data": asked}, effects=count(scene, sql, state))


@write("POST", "/authorize/{name}")
async def allow(scene: Scene) -> Wish:
    who, client_id = await scene.newcomer(), await scene.client()
    asked = await scene.http.post("/authorize", data=question(client_id))
    page = await scene.http.get(asked.headers["location"], headers=who.headers)
    (shown,) = findall(r'name="shown" value="([^"]*)"', page.text)
    sql = (
        "SELECT 1 FROM core_launch_code l JOIN core_consent c USING (app_id, resident_id)"
        " WHERE l.app_id = $1 AND c.scope = 'profile'"
    )
    return Wish(
        path=asked.headers["location"],
        headers=who.headers,
        options={"data": {"answer": "allow", "shown": shown}},
        effects=count(scene, sql, client_id),
    )


@write("POST", "/end-session")
async def wish_to_leave(scene: Scene) -> Wish:
    return Wish(path="/end-session", options={"data": {"client_id": await scene.client()}})


@write("POST", "/end-session/{wish}")
async def leave(scene: Scene) -> Wish:
    who = await scene.newcomer()
    asked = await scene.http.post("/end-session", data={"client_id": await scene.client()})
    sql = "SELECT 1 FROM core_session WHERE id = $1 AND ended_at IS NOT NULL"
    return Wish(
        path=asked.headers["location"],
        headers=who.headers,
        options={"data": {"answer": "sign_out"}},
        effects=count(scene, sql, who.session_id),
    )


@write("POST", "/oauth/token")
async def renew(scene: Scene) -> Wish:
    who = await scene.newcomer()
    form = {"grant_type": "refresh_token", "refresh_token": who.refresh_token}

    async def successors(answer: httpx2.Response | None) -> int:
        rows = await scene.city.rows(
            "SELECT token_hash FROM core_refresh_token WHERE session_id = $1 AND used_at IS NULL", who.session_id
        )
        kept = {row["token_hash"] for row in rows}
        if answer is None:
            return 1 if token_hash(who.refresh_token) not in kept else 0
        return int(token_hash(answer.json()["refresh_token"]) in kept)

    return Wish(path="/oauth/token", options={"data": form}, effects=successors)


@write("POST", "/oauth/token")
async def own_token(scene: Scene) -> Wish:
    form = {"grant_type": "client_credentials", **scene.proof()}
    jti = jwt.decode(form["client_assertion"], options={"verify_signature": False})["jti"]
    sql = "SELECT 1 FROM core_used_assertion WHERE jti = $1"
    return Wish(path="/oauth/token", options={"data": form}, effects=count(scene, sql, jti))

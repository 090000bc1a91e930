"""Every write of a recovery: how it is asked, and what must be there after."""

from dataclasses import replace
from uuid import UUID

from app_server.kernel.crypto import token_hash
from app_server.kernel.ids import uuid7
from tests.faults.scene import Newcomer, Scene
from tests.faults.wishes import Wish, count, write
from tests.faults.writes_of_factors import ORIGIN, phone_of

_ENDED = "SELECT 1 FROM core_recovery WHERE id = $1 AND ended_as = 'cancelled'"


async def _recovery(scene: Scene, *, approved: bool) -> tuple[Newcomer, UUID, str]:
    """A recovery that the operator opened, and another approved a day ago; its id and code."""
    who = await scene.newcomer()
    body = {"phone": await phone_of(scene, who), "evidence": "passport"}
    made = (await scene.http.post("/v1/operator/recoveries", json=body, headers=scene.operator_headers)).json()
    if approved:
        sql = "UPDATE core_recovery SET approved_by = $2, ready_at = now() - interval '1 minute' WHERE id = $1"
        await scene.city.execute(sql, UUID(made["id"]), uuid7())
    return who, UUID(made["id"]), str(made["code"])


@write("POST", "/v1/operator/recoveries")
async def open_recovery(scene: Scene) -> Wish:
    who = await scene.newcomer()
    body = {"phone": await phone_of(scene, who), "evidence": "passport"}
    sql = "SELECT 1 FROM core_recovery WHERE resident_id = $1 AND ended_at IS NULL"
    headers = scene.operator_headers
    return Wish(
        path="/v1/operator/recoveries", headers=headers, options={"json": body}, effects=count(scene, sql, who.id)
    )


@write("POST", "/v1/operator/recoveries/{id:uuid}/approval")
async def approve_recovery(scene: Scene) -> Wish:
    _, recovery, _ = await _recovery(scene, approved=False)
    await scene.city.execute("UPDATE core_recovery SET opened_by = $2 WHERE id = $1", recovery, uuid7())
    sql = (
        "SELECT 1 FROM core_recovery r JOIN notifications_delivery d ON d.unique_key = 'recovery:' || r.id"
        " WHERE r.id = $1 AND ready_at IS NOT NULL"
    )
    path = f"/v1/operator/recoveries/{recovery}/approval"
    return Wish(path=path, headers=scene.operator_headers, effects=count(scene, sql, recovery))


@write("DELETE", "/v1/operator/recoveries/{id:uuid}")
async def cancel_recovery(scene: Scene) -> Wish:
    _, recovery, _ = await _recovery(scene, approved=False)
    path = f"/v1/operator/recoveries/{recovery}"
    return Wish(path=path, headers=scene.operator_headers, effects=count(scene, _ENDED, recovery))


@write("DELETE", "/v1/me/recovery")
async def cancel_my_recovery(scene: Scene) -> Wish:
    who, recovery, _ = await _recovery(scene, approved=False)
    return Wish(path="/v1/me/recovery", headers=who.headers, effects=count(scene, _ENDED, recovery))


@write("POST", "/recover/cancel/{name}")
async def cancel_by_link(scene: Scene) -> Wish:
    _, recovery, _ = await _recovery(scene, approved=True)
    name = str(uuid7())
    await scene.city.execute("UPDATE core_recovery SET cancel_hash = $2 WHERE id = $1", recovery, token_hash(name))
    return Wish(path=f"/recover/cancel/{name}", headers=ORIGIN, effects=count(scene, _ENDED, recovery))


@write("POST", "/v1/recovery/codes")
async def begin_recovery(scene: Scene) -> Wish:
    _, recovery, code = await _recovery(scene, approved=True)
    await scene.city.forget_limits()
    sql = "SELECT 1 FROM core_sign_in_challenge WHERE recovery_of = $1"
    body = {"code": code, "phone": scene.phone()}
    return Wish(path="/v1/recovery/codes", options={"json": body}, effects=count(scene, sql, recovery))


@write("POST", "/recover")
async def recover_form(scene: Scene) -> Wish:
    wish = await begin_recovery(scene)
    return replace(wish, path="/recover", headers=ORIGIN, options={"data": wish.options["json"]})


@write("POST", "/v1/recovery/sessions")
async def complete_recovery(scene: Scene) -> Wish:
    who, _, code = await _recovery(scene, approved=True)
    await scene.city.forget_limits()
    phone = scene.phone()
    sent = (await scene.http.post("/v1/recovery/codes", json={"code": code, "phone": phone})).json()
    body = {"code": code, "challenge_id": sent["challenge_id"], "phone_code": await scene.city.last_code(phone)}
    sql = (
        "SELECT 1 FROM core_session s JOIN core_recovery r ON r.resident_id = s.resident_id"
        " WHERE s.resident_id = $1 AND s.ended_at IS NULL AND r.ended_as = 'completed'"
    )
    return Wish(path="/v1/recovery/sessions", options={"json": body}, effects=count(scene, sql, who.id))

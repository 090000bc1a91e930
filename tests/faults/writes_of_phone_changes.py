"""Every write of a change of number: how it is asked, and what must be there after."""

from dataclasses import replace

from app_server.kernel.crypto import token_hash
from app_server.kernel.ids import uuid7
from tests.faults.scene import Newcomer, Scene
from tests.faults.wishes import Wish, count, write
from tests.faults.writes_of_factors import ORIGIN

_UNDONE = "SELECT 1 FROM core_phone_change WHERE resident_id = $1 AND undone_at IS NOT NULL"


async def _sent(scene: Scene) -> tuple[Newcomer, dict[str, str], str]:
    """Somebody to whose new number a code went: what confirms it, and the number."""
    who, phone = await scene.newcomer(), scene.phone()
    await scene.city.forget_limits()
    sent = await scene.http.post("/v1/me/phone-changes", json={"phone": phone}, headers=who.headers)
    code = await scene.city.last_code(phone)
    return who, {"challenge_id": sent.json()["challenge_id"], "code": code}, phone


async def _changed(scene: Scene) -> Newcomer:
    who, body, _ = await _sent(scene)
    done = await scene.http.post("/v1/me/phone-changes/confirmation", json=body, headers=who.headers)
    assert done.status_code == 204, done.text
    return who


@write("POST", "/v1/me/phone-changes")
async def begin_phone_change(scene: Scene) -> Wish:
    who = await scene.newcomer()
    await scene.city.forget_limits()
    sql = "SELECT 1 FROM core_sign_in_challenge WHERE number_of = $1"
    body = {"phone": scene.phone()}
    effects = count(scene, sql, who.session_id)
    return Wish(path="/v1/me/phone-changes", headers=who.headers, options={"json": body}, effects=effects)


@write("POST", "/v1/me/phone-changes/confirmation")
async def confirm_phone_change(scene: Scene) -> Wish:
    who, body, _ = await _sent(scene)
    sql = (
        "SELECT 1 FROM core_phone_change c JOIN core_resident r ON r.id = c.resident_id"
        " JOIN notifications_delivery d ON d.unique_key = 'phone-change:' || c.id"
        " WHERE r.id = $1 AND r.phone_index <> c.old_phone_index"
    )
    path, effects = "/v1/me/phone-changes/confirmation", count(scene, sql, who.id)
    return Wish(path=path, headers=who.headers, options={"json": body}, effects=effects)


@write("DELETE", "/v1/me/phone-changes/latest")
async def undo_phone_change(scene: Scene) -> Wish:
    who = await _changed(scene)
    return Wish(path="/v1/me/phone-changes/latest", headers=who.headers, effects=count(scene, _UNDONE, who.id))


@write("POST", "/security/phone")
async def change_phone_form(scene: Scene) -> Wish:
    wish = await confirm_phone_change(scene)
    form = wish.options["json"] | {"act": "confirm"}
    return replace(wish, path="/security/phone", headers=wish.headers | ORIGIN, options={"data": form})


@write("POST", "/phone-changes/{name}")
async def undo_by_link(scene: Scene) -> Wish:
    who, name = await _changed(scene), str(uuid7())
    await scene.city.execute(
        "UPDATE core_phone_change SET undo_hash = $2 WHERE resident_id = $1", who.id, token_hash(name)
    )
    return Wish(path=f"/phone-changes/{name}", headers=ORIGIN, effects=count(scene, _UNDONE, who.id))

"""Every route of the device flow that changes something: how it is asked, and what must be there after."""

from re import findall
from urllib.parse import urlsplit

from tests.faults.scene import Scene
from tests.faults.wishes import Wish, count, write


@write("POST", "/oauth/device_authorization")
async def ask_by_screen(scene: Scene) -> Wish:
    client_id = await scene.client(device_flow=True)
    sql = "SELECT 1 FROM core_device_request WHERE client_id = $1"
    form = {"client_id": client_id, "scope": "openid"}
    return Wish(path="/oauth/device_authorization", options={"data": form}, effects=count(scene, sql, client_id))


@write("POST", "/device")
async def type_letters(scene: Scene) -> Wish:
    who, screen = await scene.newcomer(), await _screen(scene)
    sql = "SELECT 1 FROM core_device_request WHERE session_id = $1"
    form = {"user_code": screen["user_code"]}
    return Wish(path="/device", headers=who.headers, options={"data": form}, effects=count(scene, sql, who.session_id))


@write("POST", "/device/{name}")
async def match_number(scene: Scene) -> Wish:
    who, screen = await scene.newcomer(), await _screen(scene)
    sql = "SELECT 1 FROM core_device_request WHERE session_id = $1"
    return Wish(
        path=urlsplit(screen["verification_uri_complete"]).path,
        headers=who.headers,
        options={"data": {"number": screen["banyan_number"]}},
        effects=count(scene, sql, who.session_id),
    )


@write("POST", "/device/requests/{id:uuid}")
async def let_in(scene: Scene) -> Wish:
    who, screen = await scene.newcomer(), await _screen(scene)
    form = {"user_code": screen["user_code"]}
    opened = await scene.http.post("/device", data=form, headers=who.headers)
    page = await scene.http.get(opened.headers["location"], headers=who.headers)
    (shown,) = findall(r'name="shown" value="([^"]*)"', page.text)
    sql = (
        "SELECT 1 FROM core_device_request d JOIN core_launch_code l ON l.code_hash = d.device_code_hash"
        " JOIN core_consent c USING (app_id, resident_id) WHERE d.session_id = $1 AND d.allowed AND c.scope = 'openid'"
    )
    return Wish(
        path=opened.headers["location"],
        headers=who.headers,
        options={"data": {"answer": "allow", "shown": shown}},
        effects=count(scene, sql, who.session_id),
    )


async def _screen(scene: Scene) -> dict[str, str]:
    """What a screen shows."""
    await scene.city.forget_limits()
    form = {"client_id": await scene.client(device_flow=True), "scope": "openid"}
    shows: dict[str, str] = (await scene.http.post("/oauth/device_authorization", data=form)).json()
    return shows

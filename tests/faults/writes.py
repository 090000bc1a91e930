"""Every route that changes something: how it is asked, and what must be there once it has said yes."""

from uuid import UUID

import httpx2

from app_server.kernel.ids import uuid7
from notifications.carrier import basic_authorization, callback_signature
from notifications.models import SMS_TEXT
from notifications.sms import callback_url
from tests.authenticator import Authenticator
from tests.factories import LIBRARY_MANIFEST
from tests.faults import (
    writes_of_cards,
    writes_of_clients,
    writes_of_factors,
    writes_of_identity,
    writes_of_mandates,
    writes_of_phone_changes,
    writes_of_recovery,
    writes_of_screens,
)
from tests.faults.scene import SCOPES, Scene
from tests.faults.wishes import WRITES, Wish, count, with_key, write

__all__ = ["WRITES"]

PARTS = (  # each has declared its own routes by being imported
    writes_of_cards,
    writes_of_clients,
    writes_of_factors,
    writes_of_identity,
    writes_of_mandates,
    writes_of_phone_changes,
    writes_of_recovery,
    writes_of_screens,
)

ORIGIN = {"origin": "http://localhost:8000"}
CARRIER = "/demo/carrier/2010-04-01/Accounts/{account}/Messages.json"


@write("POST", "/v1/sign-in/challenges")
async def ask_for_code(scene: Scene) -> Wish:
    phone = scene.phone()
    index = scene.city.state["keys"].blind_index("resident.phone", phone).hex()
    sql = (
        "SELECT 1 FROM core_sign_in_challenge c JOIN notifications_delivery d"
        " ON d.unique_key = 'challenge:' || c.id JOIN core_job j ON j.unique_key = 'sms:' || d.id || ':0'"
        " WHERE c.phone_index = $1"
    )
    return Wish(path="/v1/sign-in/challenges", options={"json": {"phone": phone}}, effects=count(scene, sql, index))


@write("POST", "/v1/sign-in/sessions")
async def open_session(scene: Scene) -> Wish:
    challenge, code, index = await _challenge(scene)
    sql = (
        "SELECT 1 FROM core_session s JOIN core_resident r ON r.id = s.resident_id"
        " JOIN core_refresh_token t ON t.session_id = s.id WHERE r.phone_index = $1"
    )
    body = {"challenge_id": challenge, "code": code}
    return Wish(path="/v1/sign-in/sessions", options={"json": body}, effects=count(scene, sql, index))


@write("DELETE", "/v1/sign-in/sessions/current")
async def sign_out(scene: Scene) -> Wish:
    who = await scene.newcomer()
    sql = "SELECT 1 FROM core_session WHERE id = $1 AND ended_at IS NOT NULL"
    return Wish(path="/v1/sign-in/sessions/current", headers=who.headers, effects=count(scene, sql, who.session_id))


@write("POST", "/v1/passkeys/challenges")
async def ask_for_passkey(scene: Scene) -> Wish:
    who = await scene.newcomer()
    sql = "SELECT 1 FROM core_passkey_challenge WHERE resident_id = $1 AND purpose = 'registration'"
    return Wish(path="/v1/passkeys/challenges", headers=who.headers, effects=count(scene, sql, who.id))


@write("POST", "/v1/passkeys")
async def add_passkey(scene: Scene) -> Wish:
    who, device = await scene.newcomer(), Authenticator()
    asked = (await scene.http.post("/v1/passkeys/challenges", headers=who.headers)).json()
    body = {"challenge_id": asked["challenge_id"], "credential": device.makes(asked["public_key"])}
    sql = (
        "SELECT 1 FROM core_passkey p JOIN core_outbox_event e ON e.payload->>'passkey_id' = p.id::text"
        " WHERE p.resident_id = $1 AND e.name = 'passkey_added'"
    )
    return Wish(path="/v1/passkeys", headers=who.headers, options={"json": body}, effects=count(scene, sql, who.id))


@write("PATCH", "/v1/passkeys/{id:uuid}")
async def rename_passkey(scene: Scene) -> Wish:
    who = await scene.newcomer()
    passkey, _ = await scene.passkey(who)
    sql = "SELECT 1 FROM core_passkey WHERE id = $1 AND name_sealed IS NOT NULL"
    body = {"name": "Phone"}
    return Wish(
        path=f"/v1/passkeys/{passkey}", headers=who.headers, options={"json": body}, effects=count(scene, sql, passkey)
    )


@write("DELETE", "/v1/passkeys/{id:uuid}")
async def remove_passkey(scene: Scene) -> Wish:
    who = await scene.newcomer()
    passkey, _ = await scene.passkey(who)
    sql = "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM core_passkey WHERE id = $1)"
    return Wish(path=f"/v1/passkeys/{passkey}", headers=who.headers, effects=count(scene, sql, passkey))


@write("POST", "/v1/sign-in/passkeys/challenges")
async def ask_to_sign_in(scene: Scene) -> Wish:
    async def kept(answer: httpx2.Response | None) -> int:
        if answer is None:
            return 1  # nothing tells this one from others, and it ends by itself
        sql = "SELECT 1 FROM core_passkey_challenge WHERE id = $1 AND purpose = 'sign_in'"
        return len(await scene.city.rows(sql, UUID(answer.json()["challenge_id"])))

    return Wish(path="/v1/sign-in/passkeys/challenges", effects=kept)


@write("POST", "/v1/sign-in/passkeys/sessions")
async def sign_in_with_passkey(scene: Scene) -> Wish:
    passkey, device = await scene.passkey(await scene.newcomer())
    asked = (await scene.http.post("/v1/sign-in/passkeys/challenges")).json()
    body = {"challenge_id": asked["challenge_id"], "credential": device.signs(asked["public_key"])}
    sql = (
        "SELECT 1 FROM core_session s JOIN core_refresh_token t ON t.session_id = s.id"
        " JOIN core_passkey p ON p.id = s.passkey_id"
        " WHERE s.passkey_id = $1 AND s.method = 'passkey' AND p.last_used_at IS NOT NULL"
    )
    return Wish(path="/v1/sign-in/passkeys/sessions", options={"json": body}, effects=count(scene, sql, passkey))


@write("PATCH", "/v1/sessions/{id:uuid}")
async def rename_session(scene: Scene) -> Wish:
    who = await scene.newcomer()
    sql = "SELECT 1 FROM core_session WHERE id = $1 AND name_sealed IS NOT NULL"
    return Wish(
        path=f"/v1/sessions/{who.session_id}",
        headers=who.headers,
        options={"json": {"name": "Phone"}},
        effects=count(scene, sql, who.session_id),
    )


@write("DELETE", "/v1/sessions/{id:uuid}")
async def end_session(scene: Scene) -> Wish:
    who = await scene.newcomer()
    other = await scene.another_session(who)
    sql = "SELECT 1 FROM core_session WHERE id = $1 AND ended_at IS NOT NULL"
    path = f"/v1/sessions/{other.session_id}"
    return Wish(path=path, headers=who.headers, effects=count(scene, sql, other.session_id))


@write("DELETE", "/v1/sessions/others")
async def end_other_sessions(scene: Scene) -> Wish:
    who = await scene.newcomer()
    other = await scene.another_session(who)
    sql = "SELECT 1 FROM core_session WHERE id = $1 AND ended_at IS NOT NULL"
    return Wish(path="/v1/sessions/others", headers=who.headers, effects=count(scene, sql, other.session_id))


@write("PATCH", "/v1/me")
async def change_me(scene: Scene) -> Wish:
    who = await scene.newcomer()
    version = (await scene.city.rows("SELECT version FROM core_resident WHERE id = $1", who.id))[0]["version"]
    sql = "SELECT 1 FROM core_resident WHERE id = $1 AND theme = 'dark' AND version = $2"
    return Wish(
        path="/v1/me",
        headers=who.headers | {"if-match": f'"{version}"'},
        options={"json": {"theme": "dark"}},
        effects=count(scene, sql, who.id, version + 1),
    )


@write("POST", "/v1/operator/listings/{app_id}/suspension")
async def suspend(scene: Scene) -> Wish:
    return await _decision(scene, "suspension", before="online", action="listing.suspended")


@write("POST", "/v1/operator/listings/{app_id}/lift")
async def lift(scene: Scene) -> Wish:
    return await _decision(scene, "lift", before="suspended", action="listing.lifted")


@write("POST", "/v1/provider/manifest-checks")
async def check_manifest(scene: Scene) -> Wish:
    options = {"json": {"manifest": LIBRARY_MANIFEST}}
    return Wish(path="/v1/provider/manifest-checks", headers=scene.provider_headers, options=options)


@write("POST", "/v1/consents")
async def give_consent(scene: Scene) -> Wish:
    who = await scene.newcomer()
    sql = "SELECT 1 FROM core_consent WHERE resident_id = $1 HAVING count(*) = 3"
    body = {"app_id": "library", "scopes": list(SCOPES)}
    return Wish(
        path="/v1/consents", headers=with_key(who.headers), options={"json": body}, effects=count(scene, sql, who.id)
    )


@write("DELETE", "/v1/consents/{consent_id:uuid}")
async def withdraw(scene: Scene) -> Wish:
    who = await scene.newcomer(consents=True)
    consent = (await scene.city.rows("SELECT id FROM core_consent WHERE resident_id = $1 LIMIT 1", who.id))[0]["id"]
    sql = (
        "SELECT 1 FROM core_consent c JOIN core_outbox_event e ON e.payload->>'sub' = c.sub"
        " AND e.payload->>'scope' = c.scope WHERE c.id = $1 AND c.withdrawn_at IS NOT NULL"
    )
    return Wish(path=f"/v1/consents/{consent}", headers=who.headers, effects=count(scene, sql, consent))


@write("POST", "/v1/miniapps/{app_id}/launch")
async def launch(scene: Scene) -> Wish:
    who = await scene.newcomer(consents=True)
    sql = "SELECT 1 FROM core_launch_code WHERE resident_id = $1"
    return Wish(path="/v1/miniapps/library/launch", headers=who.headers, effects=count(scene, sql, who.id))


@write("POST", "/v1/inbox/read")
async def read_all(scene: Scene) -> Wish:
    who = await scene.newcomer()
    await scene.notice(who)
    sql = (
        "SELECT 1 FROM notifications_message m JOIN notifications_inbox i USING (resident_id)"
        " WHERE resident_id = $1 AND read_at IS NOT NULL AND unread = 0"
    )
    return Wish(
        path="/v1/inbox/read", headers=who.headers, options={"json": {"up_to": 1}}, effects=count(scene, sql, who.id)
    )


@write("POST", "/v1/inbox/{id:uuid}/read")
async def read_one(scene: Scene) -> Wish:
    who = await scene.newcomer()
    notice = await scene.notice(who)
    sql = (
        "SELECT 1 FROM notifications_message m JOIN notifications_inbox i USING (resident_id)"
        " WHERE m.id = $1 AND read_at IS NOT NULL AND unread = 0"
    )
    return Wish(path=f"/v1/inbox/{notice}/read", headers=who.headers, effects=count(scene, sql, notice))


@write("POST", "/v1/notices")
async def send_notice(scene: Scene) -> Wish:
    who = await scene.newcomer(consents=True)
    data = {"title": "Journey to the West", "due": "1 May", "card_number": "1"}
    body = {"sub": who.sub, "template": "borrowed", "data": data}
    sql = (
        "SELECT 1 FROM notifications_message m JOIN notifications_inbox i USING (resident_id)"
        " WHERE resident_id = $1 AND last_position = 1 AND unread = 1"
    )
    headers = with_key(scene.as_library("notices:send"))
    return Wish(path="/v1/notices", headers=headers, options={"json": body}, effects=count(scene, sql, who.id))


@write("POST", "/v1/sms/callbacks/{id:uuid}")
async def sms_callback(scene: Scene) -> Wish:
    state, delivery = scene.city.state, None
    await scene.http.post("/v1/sign-in/challenges", json={"phone": scene.phone()})
    delivery = (await scene.city.rows("SELECT id FROM notifications_delivery ORDER BY id DESC LIMIT 1"))[0]["id"]
    form = {"MessageSid": f"SM{uuid7().hex}", "MessageStatus": "delivered"}
    signature = callback_signature(
        callback_url(state["settings"].base_url, delivery), form, state["settings"].sms_secret
    )
    sql = "SELECT 1 FROM notifications_delivery WHERE id = $1 AND state = 'delivered'"
    return Wish(
        path=f"/v1/sms/callbacks/{delivery}",
        headers={"x-twilio-signature": signature},
        options={"data": form},
        effects=count(scene, sql, delivery),
    )


@write("POST", "/v1/operator/residents/search")
async def find_resident(scene: Scene) -> Wish:
    who = await scene.newcomer()
    (row,) = await scene.city.rows("SELECT phone_sealed FROM core_resident WHERE id = $1", who.id)
    body = {"phone": scene.city.state["keys"].open("resident.phone", row["phone_sealed"])}
    sql = "SELECT 1 FROM core_audit_entry WHERE action = 'resident.looked_up' AND subject = $1"
    return Wish(
        path="/v1/operator/residents/search",
        headers=scene.operator_headers,
        options={"json": body},
        effects=count(scene, sql, f"resident:{who.id}"),
    )


@write("PUT", "/v1/operator/residents/{id:uuid}/standing")
async def set_standing(scene: Scene) -> Wish:
    who = await scene.newcomer()
    sql = (
        "SELECT 1 FROM core_resident r JOIN core_audit_entry a ON a.subject = 'resident:' || r.id"
        " JOIN core_outbox_event e ON e.payload->>'resident_id' = r.id::text AND e.name = 'resident_deleted'"
        " WHERE r.id = $1 AND r.phone_index IS NULL AND a.action = 'resident.deleted'"
    )
    return Wish(
        path=f"/v1/operator/residents/{who.id}/standing",
        headers=scene.operator_headers,
        options={"json": {"standing": "deleted", "reason": "she asked for it"}},
        effects=count(scene, sql, who.id),
    )


@write("POST", "/sign-in")
async def sign_in_page(scene: Scene) -> Wish:
    phone = scene.phone()
    index = scene.city.state["keys"].blind_index("resident.phone", phone).hex()
    sql = "SELECT 1 FROM core_sign_in_challenge WHERE phone_index = $1"
    form = {"step": "number", "phone": phone, "next": "/"}
    return Wish(path="/sign-in", headers=ORIGIN, options={"data": form}, effects=count(scene, sql, index))


@write("POST", "/sign-in")
async def sign_in_page_code(scene: Scene) -> Wish:
    challenge, code, index = await _challenge(scene)
    sql = "SELECT 1 FROM core_session s JOIN core_resident r ON r.id = s.resident_id WHERE r.phone_index = $1"
    form = {"step": "code", "challenge_id": challenge, "code": code, "phone": "", "next": "/"}
    return Wish(path="/sign-in", headers=ORIGIN, options={"data": form}, effects=count(scene, sql, index))


@write("POST", "/sign-out")
async def sign_out_page(scene: Scene) -> Wish:
    who = await scene.newcomer()
    sql = "SELECT 1 FROM core_session WHERE id = $1 AND ended_at IS NOT NULL"
    return Wish(path="/sign-out", headers=who.headers, effects=count(scene, sql, who.session_id))


@write("POST", "/sessions")
async def sessions_page(scene: Scene) -> Wish:
    who = await scene.newcomer()
    other = await scene.another_session(who)
    sql = "SELECT 1 FROM core_session WHERE id = $1 AND ended_at IS NOT NULL"
    form = {"act": "end", "session_id": str(other.session_id), "name": ""}
    effects = count(scene, sql, other.session_id)
    return Wish(path="/sessions", headers=who.headers, options={"data": form}, effects=effects)


@write("POST", "/consent")
async def consent_page(scene: Scene) -> Wish:
    who = await scene.newcomer()
    needed = sum(asked["required"] for asked in LIBRARY_MANIFEST["banyan"]["scopes"])
    sql = f"SELECT 1 FROM core_consent WHERE resident_id = $1 HAVING count(*) = {needed}"
    form = {"app_id": "library", "answer": "allow", "next": "/"}
    return Wish(path="/consent", headers=who.headers, options={"data": form}, effects=count(scene, sql, who.id))


@write("POST", CARRIER)
async def carrier(scene: Scene) -> Wish:
    settings, phone = scene.city.settings, scene.phone()
    index = scene.city.state["keys"].blind_index("notifications_simulated_sms.to", phone)
    sql = "SELECT 1 FROM notifications_simulated_sms WHERE to_index = $1"
    return Wish(
        path=CARRIER.format(account=settings.sms_account),
        headers={"authorization": basic_authorization(settings)},
        options={"data": {"To": phone, "From": "Banyan", "Body": "Your code"}},
        effects=count(scene, sql, index),
    )


async def _challenge(scene: Scene) -> tuple[str, str, str]:
    """A challenge, its code, and the index of the number that it was sent to."""
    phone, keys = scene.phone(), scene.city.state["keys"]
    sent = await scene.http.post("/v1/sign-in/challenges", json={"phone": phone})
    challenge = sent.json()["challenge_id"]
    sql = "SELECT text FROM notifications_delivery WHERE unique_key = $1"
    text = keys.open(SMS_TEXT, (await scene.city.rows(sql, f"challenge:{challenge}"))[0]["text"])
    digits = "".join(c if c.isdigit() else " " for c in text).split()
    return challenge, next(run for run in digits if len(run) == 6), keys.blind_index("resident.phone", phone).hex()


async def _decision(scene: Scene, act: str, *, before: str, action: str) -> Wish:
    """One listing for all: some of the requests come when it is already decided, and are told so."""
    await scene.city.execute(
        "UPDATE registry_listing SET state = $1, version = version + 1,"
        " state_before_suspension = $2 WHERE app_id = 'library'",
        before,
        "online" if before == "suspended" else None,
    )
    reason = f"because of {uuid7()}"
    sql = (
        "SELECT 1 FROM core_audit_entry a JOIN registry_listing_event e USING (reason)"
        " JOIN core_outbox_event o ON o.payload->>'reason' = a.reason WHERE reason = $1 AND a.action = $2"
    )
    return Wish(
        path=f"/v1/operator/listings/library/{act}",
        headers=scene.operator_headers,
        options={"json": {"reason": reason}},
        effects=count(scene, sql, reason, action),
    )

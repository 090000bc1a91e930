"""The routes that issue cards, read them, and enrol readers."""

from app_server.kernel.ids import uuid7
from tests.faults.scene import VALUES, Scene
from tests.faults.wishes import Wish, count, with_key, write


@write("POST", "/v1/cards")
async def issue_card(scene: Scene) -> Wish:
    who = await scene.newcomer(consents=True)
    body = {"sub": who.sub, "type": "library-card", "number": "FZ20260000417", "fields": VALUES}
    sql = (
        "SELECT 1 FROM card_wallet_card c JOIN core_outbox_event e ON e.payload->>'card_id' = c.id::text"
        " WHERE resident_id = $1 AND version = 1 AND e.name = 'card_issued'"
    )
    headers = with_key(scene.as_library("cards:issue"))
    return Wish(path="/v1/cards", headers=headers, options={"json": body}, effects=count(scene, sql, who.id))


@write("PUT", "/v1/cards/{id:uuid}/status")
async def set_card_status(scene: Scene) -> Wish:
    card = await scene.card(await scene.newcomer(consents=True))
    sql = (
        "SELECT 1 FROM card_wallet_card c JOIN core_audit_entry a ON a.subject = 'card:' || c.id"
        " JOIN core_outbox_event e ON e.payload->>'card_id' = c.id::text AND e.name = 'card_status_changed'"
        " WHERE c.id = $1 AND status = 'suspended' AND version = 2"
    )
    return Wish(
        path=f"/v1/cards/{card}/status",
        headers=with_key(scene.as_library("cards:issue")),
        options={"json": {"status": "suspended", "reason": "lost"}},
        effects=count(scene, sql, card),
    )


@write("POST", "/v1/verifications")
async def verify_code(scene: Scene) -> Wish:
    who = await scene.newcomer(consents=True)
    card = await scene.card(who)
    _, reader = await scene.enrolled_reader()
    shown = await scene.http.get(f"/v1/cards/{card}/code", headers=who.headers)
    sql = (
        "SELECT 1 FROM card_wallet_presentation p JOIN core_outbox_event e"
        " ON e.payload->>'presentation_id' = p.id::text WHERE p.card_id = $1"
    )
    return Wish(
        path="/v1/verifications",
        headers=with_key(reader),
        options={"json": {"code": shown.json()["text"]}},
        effects=count(scene, sql, card),
    )


@write("POST", "/v1/code-readings")
async def read_picture(scene: Scene) -> Wish:
    _, reader = await scene.enrolled_reader()
    headers = reader | {"content-type": "image/png"}
    return Wish(path="/v1/code-readings", headers=headers, options={"content": scene.picture})


@write("POST", "/v1/verifiers")
async def add_verifier(scene: Scene) -> Wish:
    name = f"Desk {uuid7()}"
    body = {"name": name, "place": "Main hall", "app_id": "library", "role": "desk"}
    sql = (
        "SELECT 1 FROM card_wallet_verifier v JOIN card_wallet_enrolment e ON e.verifier_id = v.id"
        " JOIN core_audit_entry a ON a.subject = 'verifier:' || v.id WHERE name = $1"
    )
    return Wish(
        path="/v1/verifiers", headers=scene.operator_headers, options={"json": body}, effects=count(scene, sql, name)
    )


@write("POST", "/v1/verifiers/enrolments")
async def enrol(scene: Scene) -> Wish:
    await scene.city.forget_limits()
    verifier, code = await scene.reader()
    sql = (
        "SELECT 1 FROM card_wallet_verifier v JOIN core_audit_entry a ON a.subject = 'verifier:' || v.id"
        " WHERE v.id = $1 AND token_hash IS NOT NULL AND action = 'verifier.enrolled'"
    )
    return Wish(path="/v1/verifiers/enrolments", options={"json": {"code": code}}, effects=count(scene, sql, verifier))


@write("DELETE", "/v1/verifiers/me")
async def forget_this_verifier(scene: Scene) -> Wish:
    verifier, reader = await scene.enrolled_reader()
    sql = "SELECT 1 FROM card_wallet_verifier WHERE id = $1 AND token_hash IS NULL"
    return Wish(path="/v1/verifiers/me", headers=reader, effects=count(scene, sql, verifier))


@write("DELETE", "/v1/verifiers/{id:uuid}")
async def remove_verifier(scene: Scene) -> Wish:
    verifier, _ = await scene.enrolled_reader()
    sql = (
        "SELECT 1 FROM card_wallet_verifier v JOIN core_audit_entry a ON a.subject = 'verifier:' || v.id"
        " WHERE v.id = $1 AND removed_at IS NOT NULL AND action = 'verifier.removed'"
    )
    return Wish(path=f"/v1/verifiers/{verifier}", headers=scene.operator_headers, effects=count(scene, sql, verifier))


@write("POST", "/v1/verifiers/{id:uuid}/enrolment-code")
async def renew_enrolment(scene: Scene) -> Wish:
    verifier, _ = await scene.reader()
    sql = (
        "SELECT 1 FROM card_wallet_enrolment e JOIN core_audit_entry a ON a.subject = 'verifier:' || e.verifier_id"
        " WHERE e.verifier_id = $1 AND action = 'verifier.code_renewed'"
    )
    return Wish(
        path=f"/v1/verifiers/{verifier}/enrolment-code",
        headers=scene.operator_headers,
        effects=count(scene, sql, verifier),
    )

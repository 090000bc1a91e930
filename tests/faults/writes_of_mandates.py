"""Every route of acting for another that changes something: how it is asked, and what must be there after."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from app_server.identity.acting.credit_codes import ALPHABET, check_character
from app_server.identity.acting.models import Mandate
from app_server.identity.acting.rules import CITY_TIME, Kind, Reach, Role, State
from app_server.kernel.ids import uuid7
from tests.faults.scene import Newcomer, Scene
from tests.faults.wishes import Wish, count, with_key, write


def _terms(scene: Scene) -> dict[str, Any]:
    until = (scene.city.clock() + timedelta(days=20)).astimezone(CITY_TIME).date()
    return {"kind": "caregiver", "you_are": "principal", "reach": "act", "until": until.isoformat()}


async def _offered(scene: Scene, who: Newcomer) -> tuple[UUID, str]:
    """The id of an open offer, and its code."""
    made = await scene.http.post("/v1/mandates", json=_terms(scene), headers=who.headers)
    assert made.status_code == 201, made.text
    return UUID(made.json()["mandate"]["id"]), made.json()["code"]


@write("POST", "/v1/mandates")
async def offer_mandate(scene: Scene) -> Wish:
    who = await scene.newcomer()
    sql = (
        "SELECT 1 FROM core_mandate m JOIN core_outbox_event e ON e.payload->>'mandate_id' = m.id::text"
        " JOIN core_audit_entry a ON a.subject = 'mandate:' || m.id WHERE m.principal_id = $1"
        " AND e.name = 'mandate_offered' AND a.action = 'mandate.offered'"
    )
    headers = with_key(who.headers)
    return Wish(
        path="/v1/mandates", headers=headers, options={"json": _terms(scene)}, effects=count(scene, sql, who.id)
    )


@write("POST", "/v1/mandates/invitations")
async def open_invitation(scene: Scene) -> Wish:
    _, code = await _offered(scene, await scene.newcomer())
    who = await scene.newcomer()
    return Wish(path="/v1/mandates/invitations", headers=who.headers, options={"json": {"code": code}})


@write("POST", "/v1/mandates/{id:uuid}/accept")
async def accept_mandate(scene: Scene) -> Wish:
    mandate_id, code = await _offered(scene, await scene.newcomer())
    who = await scene.newcomer()
    sql = (
        "SELECT 1 FROM core_mandate m JOIN core_audit_entry a ON a.subject = 'mandate:' || m.id"
        " WHERE m.id = $1 AND m.agent_id = $2 AND m.agent_accepted_at IS NOT NULL AND a.action = 'mandate.accepted'"
    )
    return Wish(
        path=f"/v1/mandates/{mandate_id}/accept",
        headers=who.headers,
        options={"json": {"code": code}},
        effects=count(scene, sql, mandate_id, who.id),
    )


@write("DELETE", "/v1/mandates/{id:uuid}")
async def end_mandate(scene: Scene) -> Wish:
    """With a session that is open under it."""
    who, session_id = await scene.newcomer(), uuid7()
    mandate_id, _ = await _offered(scene, who)
    await scene.city.execute(
        "INSERT INTO core_session (id, resident_id, token_hash, user_agent, created_at, last_used_at, expires_at,"
        " mandate_id) VALUES ($1, $2, $3, '', now(), now(), now() + interval '1 day', $4)",
        session_id,
        who.id,
        f"no cookie {session_id}",
        mandate_id,
    )
    sql = (
        "SELECT 1 FROM core_mandate m JOIN core_audit_entry a ON a.subject = 'mandate:' || m.id"
        " JOIN core_outbox_event e ON e.payload->>'mandate_id' = m.id::text JOIN core_session s ON s.mandate_id = m.id"
        " WHERE m.id = $1 AND m.state = 'ended' AND a.action = 'mandate.ended' AND e.name = 'mandate_ended'"
        " AND s.ended_at IS NOT NULL"
    )
    return Wish(path=f"/v1/mandates/{mandate_id}", headers=who.headers, effects=count(scene, sql, mandate_id))


@write("POST", "/mandates")
async def offer_on_the_page(scene: Scene) -> Wish:
    who = await scene.newcomer()
    sql = (
        "SELECT 1 FROM core_mandate m JOIN core_audit_entry a ON a.subject = 'mandate:' || m.id"
        " WHERE m.principal_id = $1 AND a.action = 'mandate.offered'"
    )
    return Wish(
        path="/mandates", headers=who.headers, options={"data": _terms(scene)}, effects=count(scene, sql, who.id)
    )


@write("POST", "/mandates/{id:uuid}")
async def answer_on_the_page(scene: Scene) -> Wish:
    mandate_id, code = await _offered(scene, await scene.newcomer())
    who = await scene.newcomer()
    sql = "SELECT 1 FROM core_mandate WHERE id = $1 AND agent_id = $2 AND agent_accepted_at IS NOT NULL"
    return Wish(
        path=f"/mandates/{mandate_id}",
        headers=who.headers,
        options={"data": {"act": "accept", "code": code}},
        effects=count(scene, sql, mandate_id, who.id),
    )


@write("POST", "/mandates/acting")
async def act_for_another(scene: Scene) -> Wish:
    principal, agent = await scene.newcomer(), await scene.newcomer()
    mandate_id, code = await _offered(scene, principal)
    for who, body in ((agent, {"code": code}), (principal, {})):
        await scene.http.post(f"/v1/mandates/{mandate_id}/accept", json=body, headers=who.headers)
    sql = (
        "SELECT 1 FROM core_session s JOIN core_audit_entry a ON a.subject = 'mandate:' || s.mandate_id"
        " WHERE s.mandate_id = $1 AND s.actor_id = $2 AND a.action = 'mandate.used'"
    )
    return Wish(
        path="/mandates/acting",
        headers=agent.headers,
        options={"data": {"mandate_id": str(mandate_id)}},
        effects=count(scene, sql, mandate_id, agent.id),
    )


async def _company(scene: Scene, representative: Newcomer | None = None) -> UUID:
    """A company; with a legal representative who has accepted."""
    company_id, now = uuid7(), scene.city.clock()
    await scene.city.execute(
        "INSERT INTO core_resident (id, kind, locale, theme, elder_mode, roles, version, created_at)"
        " VALUES ($1, 'company', 'zh-CN', 'auto', false, '[]', 1, now())",
        company_id,
    )
    if representative:
        await Mandate.create(
            kind=Kind.OFFICER,
            state=State.ACTIVE,
            principal_id=company_id,
            agent_id=representative.id,
            reach=Reach.ACT,
            role=Role.REPRESENTATIVE,
            starts_at=now,
            until_at=now + timedelta(days=9),
            offered_at=now,
            offer_expires_at=now + timedelta(days=7),
            principal_accepted_at=now,
            agent_accepted_at=now,
        )
    return company_id


@write("POST", "/v1/operator/dependants")
async def open_dependant(scene: Scene) -> Wish:
    reason = f"because of {uuid7()}"
    sql = (
        "SELECT 1 FROM core_audit_entry a JOIN core_resident r ON a.subject = 'resident:' || r.id"
        " WHERE a.reason = $1 AND r.birth_date_sealed IS NOT NULL"
    )
    body = {"name": "林小明", "birth_date": "2020-02-29", "reason": reason}
    headers = with_key(scene.operator_headers)
    return Wish(
        path="/v1/operator/dependants", headers=headers, options={"json": body}, effects=count(scene, sql, reason)
    )


@write("POST", "/v1/operator/companies")
async def open_company(scene: Scene) -> Wish:
    body = "".join(scene.dice.choices(ALPHABET, k=17))
    code = body + check_character(body)
    sql = (
        "SELECT 1 FROM core_resident r JOIN core_audit_entry a ON a.subject = 'resident:' || r.id"
        " WHERE r.credit_code = $1"
    )
    asked = {"name": "甲公司", "credit_code": code, "reason": "licence seen"}
    headers = with_key(scene.operator_headers)
    return Wish(
        path="/v1/operator/companies", headers=headers, options={"json": asked}, effects=count(scene, sql, code)
    )


@write("POST", "/v1/operator/mandates")
async def open_mandate(scene: Scene) -> Wish:
    company_id = await _company(scene)
    sql = (
        "SELECT 1 FROM core_mandate m JOIN core_audit_entry a ON a.subject = 'mandate:' || m.id"
        " WHERE m.principal_id = $1 AND a.action = 'mandate.checked'"
    )
    asked = {
        "kind": "officer",
        "principal_id": str(company_id),
        "phone": scene.phone(),
        "until": _terms(scene)["until"],
        "reason": "licence seen",
    }
    headers = with_key(scene.operator_headers)
    return Wish(
        path="/v1/operator/mandates", headers=headers, options={"json": asked}, effects=count(scene, sql, company_id)
    )


@write("POST", "/v1/operator/mandates/{id:uuid}/end")
async def end_by_officer(scene: Scene) -> Wish:
    mandate_id, _ = await _offered(scene, await scene.newcomer())
    sql = "SELECT 1 FROM core_mandate WHERE id = $1 AND state = 'ended' AND ended_by = 'operator'"
    return Wish(
        path=f"/v1/operator/mandates/{mandate_id}/end",
        headers=scene.operator_headers,
        options={"json": {"reason": "a court's decision"}},
        effects=count(scene, sql, mandate_id),
    )


@write("POST", "/v1/companies/{id:uuid}/officers")
async def offer_office(scene: Scene) -> Wish:
    who = await scene.newcomer()
    company_id = await _company(scene, who)
    sql = "SELECT 1 FROM core_mandate WHERE principal_id = $1 AND role = 'clerk'"
    asked = {"role": "clerk", "phone": scene.phone(), "until": _terms(scene)["until"]}
    return Wish(
        path=f"/v1/companies/{company_id}/officers",
        headers=with_key(who.headers),
        options={"json": asked},
        effects=count(scene, sql, company_id),
    )


@write("DELETE", "/v1/companies/{id:uuid}/officers/{office:uuid}")
async def end_office(scene: Scene) -> Wish:
    who = await scene.newcomer()
    company_id = await _company(scene, who)
    asked = {"role": "clerk", "phone": scene.phone(), "until": _terms(scene)["until"]}
    made = await scene.http.post(f"/v1/companies/{company_id}/officers", json=asked, headers=who.headers)
    office_id = UUID(made.json()["id"])
    sql = "SELECT 1 FROM core_mandate WHERE id = $1 AND state = 'ended'"
    return Wish(
        path=f"/v1/companies/{company_id}/officers/{office_id}",
        headers=who.headers,
        effects=count(scene, sql, office_id),
    )


@write("POST", "/console/mandates")
async def open_at_the_desk(scene: Scene) -> Wish:
    reason = f"because of {uuid7()}"
    sql = "SELECT 1 FROM core_audit_entry WHERE reason = $1 AND action = 'resident.opened'"
    form = {"act": "dependant", "name": "林小明", "birth_date": "2020-02-29", "reason": reason}
    return Wish(
        path="/console/mandates",
        headers=scene.operator_headers,
        options={"data": form},
        effects=count(scene, sql, reason),
    )

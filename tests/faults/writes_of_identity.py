"""The routes that change how well the city knows somebody."""

import json
from base64 import b64encode
from dataclasses import replace
from types import SimpleNamespace
from typing import cast
from unittest.mock import AsyncMock
from uuid import UUID

from app_server.gateway.provider_simulator import PLACE, code_for, issuer, settings_entry
from app_server.gateway.register_simulator import CHECKS, PEOPLE
from app_server.identity.outside.providers import OutsideProviders, OutsideState
from app_server.identity.proofing.id_numbers import read
from app_server.kernel.outside_providers import Described, OutsideProvider
from app_server.kernel.ports import OutsideAnswer
from tests.faults.scene import Scene
from tests.faults.wishes import Wish, count, write


@write("POST", "/v1/me/identity/register-checks")
async def check_in_register(scene: Scene) -> Wish:
    who, register = await scene.newcomer(), AsyncMock(return_value=True)
    ports = scene.city.state["ports"]
    scene.city.state["ports"] = replace(ports, register=SimpleNamespace(knows=register))
    body = {"name": "林依婷", "id_number": _id_number(scene)}
    return Wish(
        path="/v1/me/identity/register-checks",
        headers=who.headers,
        options={"json": body},
        effects=count(scene, _PROVEN, who.id, "register"),
    )


@write("POST", "/v1/operator/residents/{id:uuid}/identity")
async def see_in_person(scene: Scene) -> Wish:
    who = await scene.newcomer()
    return Wish(
        path=f"/v1/operator/residents/{who.id}/identity",
        headers=scene.operator_headers,
        options={"json": {"name": "林依婷", "evidence": "id_card", "document_number": _id_number(scene)}},
        effects=count(scene, _PROVEN, who.id, "counter"),
    )


@write("POST", "/v1/operator/identity-proofs/{id:uuid}/revocation")
async def revoke_proof(scene: Scene) -> Wish:
    seen = await see_in_person(scene)
    answer = await scene.http.post(seen.path, headers=seen.headers, **seen.options)
    proof = answer.json()["proofs"][0]["id"]
    sql = (
        "SELECT 1 FROM core_identity_proof p JOIN core_audit_entry a ON a.subject = 'resident:' || p.resident_id"
        " JOIN core_outbox_event e ON e.payload->>'proof_id' = p.id::text AND e.name = 'identity_proof_revoked'"
        " WHERE p.id = $1 AND p.revoked_at IS NOT NULL AND a.action = 'identity.revoked'"
    )
    return Wish(
        path=f"/v1/operator/identity-proofs/{proof}/revocation",
        headers=scene.operator_headers,
        options={"json": {"reason": "a false card"}},
        effects=count(scene, sql, UUID(proof)),
    )


@write("POST", "/me/identity")
async def identity_page(scene: Scene) -> Wish:
    asked = await check_in_register(scene)
    return Wish(
        path="/me/identity", headers=asked.headers, options={"data": asked.options["json"]}, effects=asked.effects
    )


@write("POST", CHECKS)
async def register_simulator(scene: Scene) -> Wish:
    number, name = next(iter(PEOPLE.items()))
    headers = {"authorization": f"Bearer {scene.city.settings.register_secret}"}
    return Wish(path=CHECKS, headers=headers, options={"json": {"name": name, "id_number": number}})


@write("POST", "/me/identity/outside/{provider}")
async def go_to_provider(scene: Scene) -> Wish:
    who = await scene.newcomer()
    _know_simulator(scene)
    places = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    said = {"issuer": issuer(scene.city.settings), **dict.fromkeys(places, "https://id.example/there")}
    answer = AsyncMock(return_value=OutsideAnswer(status=200, body=json.dumps(said).encode()))
    scene.city.state["ports"] = replace(scene.city.state["ports"], outside=SimpleNamespace(ask=answer))
    sql = "SELECT 1 FROM core_outside_check WHERE resident_id = $1"
    return Wish(path="/me/identity/outside/demo", headers=who.headers, effects=count(scene, sql, who.id))


@write("POST", f"{PLACE}/token")
async def provider_simulator(scene: Scene) -> Wish:
    _know_simulator(scene)
    asked = {
        "redirect_uri": "https://city.example/back",
        "code_challenge": "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
        "nonce": "n",
    }
    form = {
        "code": code_for(next(iter(PEOPLE)), asked, scene.city.state),
        "redirect_uri": asked["redirect_uri"],
        "code_verifier": "",
    }
    basic = b64encode(b"banyan:secret").decode()
    return Wish(path=f"{PLACE}/token", headers={"authorization": f"Basic {basic}"}, options={"data": form})


def _know_simulator(scene: Scene) -> None:
    said = Described.model_validate(settings_entry(scene.city.settings.base_url, "secret"))
    known = {"demo": OutsideProvider(said=said, key=None, secret="secret")}
    cast(OutsideState, scene.city.state)["outside_providers"] = OutsideProviders(known, allow_loopback=True)


_PROVEN = (
    "SELECT 1 FROM core_identity_proof p JOIN core_audit_entry a ON a.subject = 'resident:' || p.resident_id"
    " JOIN core_outbox_event e ON e.payload->>'proof_id' = p.id::text AND e.name = 'identity_proven'"
    " WHERE p.resident_id = $1 AND p.method = $2 AND a.action = 'identity.proven'"
)


def _id_number(scene: Scene) -> str:
    """A number that nobody has yet."""
    digits = f"3501{scene.dice.randrange(100):02}19{scene.dice.randrange(100):02}0307{scene.dice.randrange(1000):03}"
    return next(digits + last for last in "0123456789X" if read(digits + last))

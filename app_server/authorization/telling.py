"""What an app is told of a resident: the claims behind its scopes, each look in her ledger first."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC
from typing import Any
from uuid import UUID

from app_server.authorization.claims import CLAIMS, TRUST_FRAMEWORK, VERIFIED, given_by
from app_server.authorization.issuing import scopes_of
from app_server.authorization.service import granted_scopes
from app_server.authorization.views import purposes_of, text_of
from app_server.identity.outside.providers import providers
from app_server.identity.profiles import locale_of, name_of, phone_of
from app_server.identity.proofing.levels import Evidence, Method, Proof, best
from app_server.identity.proofing.proofs import identity_of, standing_proofs
from app_server.kernel.outside_providers import OutsideProvider
from app_server.kernel.ports import Client, Viewer
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import in_unit_of_work

FIELDS = {  # as residents read it in the ledger
    "phone_number": "phone",
    "phone_number_verified": "phone",
    "verified_birthdate": "birthdate",
}
REGISTER, FORMER_PROVIDER = "population_register", "digital_identity"  # kinds of electronic records
# Check methods of OpenID Identity Assurance 1.0.
CHECKS = {Method.REGISTER: "data", Method.PROVIDER: "auth", Method.COUNTER: "vpip"}
DOCUMENTS = {Evidence.ID_CARD: "idcard", Evidence.PASSPORT: "passport", Evidence.RESIDENCE_PERMIT: "residence_permit"}


@in_unit_of_work
async def told(
    client: Client,
    resident_id: UUID,
    scopes: frozenset[str],
    *,
    launch_id: UUID | None,
    mandate_id: UUID | None = None,
    claims: Iterable[str] = CLAIMS,
    state: AppState,
) -> dict[str, Any]:
    """Of these claims those that the token's `scopes` give, the client still asks for, and the resident still allows.

    One look for each field and `launch_id`: who looks twice with one token is in the ledger once. With `mandate_id`
    it is somebody who acts for her that lets the app look.
    """
    allowed = scopes & scopes_of(client) & await granted_scopes(resident_id, client.app_id)
    by = {claim: scope for claim, scope in given_by(allowed).items() if claim in claims}
    looks = defaultdict(list)
    for claim, scope in by.items():
        looks[FIELDS.get(claim, claim)].append(scope)
    locale = await locale_of(resident_id, state=state)
    for field, seen_by in looks.items():
        await state["ports"].ledger.record_look(
            resident_id=resident_id,
            who=Viewer(kind="miniapp", id=client.app_id, name=text_of(client.name, locale)),
            purpose=purposes_of(client, seen_by[0]),
            fields=[field],
            reference=f"launch:{launch_id}" + (f":{field}" if field != "name" else ""),
            at=state["clock"](),
            mandate_id=mandate_id,
        )
    found = await _values(resident_id, by, state)
    return {claim: value for claim, value in found.items() if (claim in by or claim == "verified_claims") and value}


async def _values(resident_id: UUID, wanted: Iterable[str], state: AppState) -> dict[str, Any]:
    keys, found = state["keys"], dict[str, Any]()
    if "name" in wanted:
        found["name"] = await name_of(resident_id, keys=keys)
    if "phone_number" in wanted or "phone_number_verified" in wanted:
        found["phone_number"] = await phone_of(resident_id, keys=keys)
        # by the one-time code that every account begins with; one that others act for has no number
        found["phone_number_verified"] = True if found["phone_number"] else None
    if "identity_level" in wanted:
        found["identity_level"] = (await identity_of(resident_id, state=state)).urn
    if verified := [name for name, claim in VERIFIED.items() if claim in wanted]:
        proof = best(await standing_proofs(resident_id, keys=keys), state["clock"]())
        city = state["settings"].city("en")
        outside = (
            providers(state).get(proof.by.partition(":")[2]) if proof and proof.method is Method.PROVIDER else None
        )
        found["verified_claims"] = verified_claims(proof, verified, city, outside) if proof else None
    return found


def records(state: AppState) -> list[str]:
    """The kinds of electronic records that evidence may name."""
    return sorted({REGISTER, FORMER_PROVIDER, *(each.said.evidence for each in providers(state).values())})


def verified_claims(
    proof: Proof, wanted: Iterable[str], city: str, outside: OutsideProvider | None = None
) -> dict[str, Any] | None:
    """Who verified, when, with what evidence, and the claims that it makes sure (OpenID Identity Assurance 1.0).

    `outside` is the provider that verified, as long as the city still knows it.
    """
    known = {"name": proof.name, "birthdate": proof.birthdate}
    claims = {name: known[name] for name in wanted if known[name]}
    if not claims:
        return None
    checked = {"check_method": CHECKS[proof.method], "organization": outside.name("en") if outside else city}
    evidence: dict[str, Any] = {"check_details": [checked]}
    if proof.evidence is Evidence.REGISTER_RECORD:
        evidence |= {"type": "electronic_record", "record": {"type": REGISTER}}
    elif proof.evidence is Evidence.OUTSIDE_ACCOUNT:
        record = outside.said.evidence if outside else FORMER_PROVIDER
        evidence |= {"type": "electronic_record", "record": {"type": record}}
    else:
        evidence |= {"type": "document", "document_details": {"type": DOCUMENTS[proof.evidence]}}
    verification = {
        "trust_framework": TRUST_FRAMEWORK,
        "assurance_level": proof.level.urn,
        "time": proof.verified_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "evidence": [evidence],
    }
    return {"verification": verification, "claims": claims}

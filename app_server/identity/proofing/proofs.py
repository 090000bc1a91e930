"""Verifying who a resident is, as use cases: by the register, an outside provider, at a counter, and undoing it."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from app_server.identity.events import IdentityProofRevoked, IdentityProven
from app_server.identity.locks import require_open
from app_server.identity.models import Resident
from app_server.identity.outside.answers import Person
from app_server.identity.proofing import id_numbers
from app_server.identity.proofing.levels import Evidence, Method, Proof, best, level_of
from app_server.identity.proofing.problems import (
    DocumentNumberNotValid,
    IdentityInUse,
    IdentityIsAnother,
    IdentityNotMatched,
    RegisterUnavailable,
)
from app_server.identity.proofing.schemas import CheckInRegister, Identity, ProofView, SeenInPerson
from app_server.kernel.access import Operator
from app_server.kernel.audit import audit
from app_server.kernel.crypto import KeyRing
from app_server.kernel.events import record
from app_server.kernel.ids import uuid7
from app_server.kernel.limits import Rate, limit
from app_server.kernel.outside_providers import OutsideProvider
from app_server.kernel.problems import FieldError, NotForThisAccount, NotFound
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute, fetch, fetchrow, in_unit_of_work

PER_RESIDENT = Rate(most=5, per=timedelta(days=1))  # checks in the register: nobody guesses other people's numbers
REGISTER_HOLDS = PROVIDER_HOLDS = timedelta(days=5 * 365)
_STANDING = "SELECT * FROM core_identity_proof WHERE resident_id = $1 AND revoked_at IS NULL ORDER BY id DESC"


async def standing_proofs(resident_id: UUID, *, keys: KeyRing) -> list[Proof]:
    """What was verified of the resident and not revoked, the newest first."""
    return [_proof(row, keys) for row in await fetch(_STANDING, resident_id)]


async def identity_of(resident_id: UUID, *, state: AppState) -> Identity:
    """The resident's level, and what it rests on."""
    proofs, now = await standing_proofs(resident_id, keys=state["keys"]), state["clock"]()
    row = await fetchrow("SELECT name_sealed FROM core_resident WHERE id = $1", resident_id)
    if row is None:
        raise NotFound()
    level, counts = level_of(proofs, has_name=row["name_sealed"] is not None, now=now), best(proofs, now)
    return Identity(
        level=level, urn=level.urn, name=counts.name if counts else None, proofs=[_view(each) for each in proofs]
    )


async def check_in_register(resident_id: UUID, asked: CheckInRegister, *, state: AppState) -> Identity:
    """Verify name and number in the register; the same person twice is one proof.

    Problems: `document_number_not_valid`, `identity_not_matched`, `identity_in_use`, `identity_is_another`,
    `register_unavailable`, `too_many_requests`. Without Valkey the limit cannot be held, so nobody is asked.
    """
    number = id_numbers.read(asked.id_number)
    if number is None:
        raise _not_valid("/id_number")
    await limit(state["redis"], "register:resident", resident_id.hex, PER_RESIDENT, fail_open=False)
    known = await state["ports"].register.knows(name=asked.name, id_number=number)
    if known is None:
        raise RegisterUnavailable()
    if not known:
        raise IdentityNotMatched()
    now = state["clock"]()
    await _keep(
        resident_id,
        method=Method.REGISTER,
        evidence=Evidence.REGISTER_RECORD,
        number=f"{Evidence.ID_CARD}:{number}",
        name=asked.name,
        birthdate=id_numbers.birthdate_of(number),
        by=("register", "population register"),
        valid_until=now + REGISTER_HOLDS,
        state=state,
    )
    return await identity_of(resident_id, state=state)


async def prove_by_provider(resident_id: UUID, person: Person, provider: OutsideProvider, *, state: AppState) -> None:
    """An outside provider has verified the resident; the number it tells, or else its subject, makes one account of one
    person. Problems: `identity_in_use`, `identity_is_another`, those of a closed account.
    """
    said = provider.said
    await _keep(
        resident_id,
        method=Method.PROVIDER,
        evidence=Evidence.OUTSIDE_ACCOUNT,
        number=f"{Evidence.ID_CARD}:{person.id_number}"
        if person.id_number
        else f"op-{said.id}:{said.issuer}\n{person.subject}",
        name=person.name,
        birthdate=person.birthdate,
        by=("provider", said.id),
        valid_until=state["clock"]() + PROVIDER_HOLDS,
        state=state,
    )


async def see_in_person(resident_id: UUID, asked: SeenInPerson, *, by: Operator, state: AppState) -> Identity:
    """An officer saw the person and the document. Problems as above, `not_found`, and `not_for_this_account` for the
    officer's own.
    """
    if resident_id == by.id:
        raise NotForThisAccount("Another officer has to see you.")
    number, born = id_numbers.spelt(asked.document_number), asked.birthdate
    if asked.evidence == "id_card":
        read = id_numbers.read(number)
        if read is None:
            raise _not_valid("/document_number")
        number, born = read, id_numbers.birthdate_of(read)
    await _keep(
        resident_id,
        method=Method.COUNTER,
        evidence=Evidence(asked.evidence),
        number=f"{asked.evidence}:{number}",
        name=asked.name,
        birthdate=born,
        by=("operator", str(by.id)),
        valid_until=datetime.combine(asked.valid_until, time.max, UTC) if asked.valid_until else None,
        state=state,
    )
    return await identity_of(resident_id, state=state)


@in_unit_of_work
async def revoke(proof_id: UUID, *, reason: str, by: Operator, state: AppState) -> Identity:
    """Take a verification back; the resident is told. Nothing happens the second time. Problem: `not_found`."""
    row = await fetchrow("SELECT resident_id, revoked_at FROM core_identity_proof WHERE id = $1 FOR UPDATE", proof_id)
    if row is None:
        raise NotFound()
    resident_id, now = row["resident_id"], state["clock"]()
    if row["revoked_at"] is None:
        await execute("UPDATE core_identity_proof SET revoked_at = $2 WHERE id = $1", proof_id, now)
        await audit("operator", by.id, "identity.revoked", f"resident:{resident_id}", reason=reason)
        await record(IdentityProofRevoked(proof_id=proof_id, resident_id=resident_id, at=now))
    return (await identity_of(resident_id, state=state)).model_copy(update={"name": None})


@in_unit_of_work
async def _keep(
    resident_id: UUID,
    *,
    method: Method,
    evidence: Evidence,
    number: str,
    name: str,
    birthdate: date | None,
    by: tuple[str, str],
    valid_until: datetime | None,
    state: AppState,
) -> None:
    keys, now = state["keys"], state["clock"]()
    index = keys.blind_index("identity.number", number).hex()
    await execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"identity {index}")
    resident = await Resident.filter(id=resident_id).select_for_update().first()
    if resident is None:
        raise NotFound()
    require_open(resident)
    if await fetch(
        "SELECT 1 FROM core_identity_proof WHERE number_index = $1 AND resident_id <> $2 AND revoked_at IS NULL",
        index,
        resident_id,
    ):
        raise IdentityInUse()
    standing = [row for row in await fetch(_STANDING, resident_id) if _proof(row, keys).holds(now)]
    kind = number.partition(":")[0]
    if any(row["number_kind"] == kind and row["number_index"] != index for row in standing):
        raise IdentityIsAnother()
    if any(row["number_index"] == index and row["method"] == method for row in standing):
        return
    proof_id = uuid7()
    await execute(
        "INSERT INTO core_identity_proof (id, resident_id, method, evidence, verified_by, name_sealed,"
        " birthdate_sealed, number_kind, number_index, verified_at, valid_until)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        proof_id,
        resident_id,
        method,
        evidence,
        ":".join(by),
        keys.seal("identity.name", name),
        keys.seal("identity.birthdate", birthdate.isoformat()) if birthdate else None,
        kind,
        index,
        now,
        valid_until,
    )
    details = {"method": method.value, "evidence": evidence.value}
    await audit(*by, "identity.proven", f"resident:{resident_id}", details=details)
    await record(IdentityProven(proof_id=proof_id, resident_id=resident_id, at=now))


def _proof(row: Any, keys: KeyRing) -> Proof:
    sealed = row["birthdate_sealed"]
    return Proof(
        id=row["id"],
        method=Method(row["method"]),
        by=row["verified_by"],
        evidence=Evidence(row["evidence"]),
        name=keys.open("identity.name", row["name_sealed"]),
        birthdate=keys.open("identity.birthdate", sealed) if sealed else None,
        verified_at=row["verified_at"],
        valid_until=row["valid_until"],
    )


def _view(proof: Proof) -> ProofView:
    return ProofView(
        id=proof.id,
        method=proof.method,
        evidence=proof.evidence,
        level=proof.level,
        verified_at=proof.verified_at,
        valid_until=proof.valid_until,
    )


def _not_valid(pointer: str) -> DocumentNumberNotValid:
    return DocumentNumberNotValid(
        errors=[FieldError(pointer=pointer, detail="Eighteen characters, as on the identity card.")]
    )

"""Readers, as use cases: an operator or a provider adds them, a device becomes one by a one-time code."""

import secrets
from datetime import timedelta
from uuid import UUID

from app_server.kernel.access import Operator, Provider
from app_server.kernel.audit import audit
from app_server.kernel.clock import Clock
from app_server.kernel.crypto import KeyRing, token_hash
from app_server.kernel.ids import uuid7
from app_server.kernel.limits import Rate, limit
from app_server.kernel.problems import FieldError, NotFound, TemporarilyUnavailable, ValidationFailed
from app_server.kernel.schemas import PageRequest
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import after_commit, execute, fetch, fetchrow, in_unit_of_work
from app_server.registry.published import PublishedListing, listings
from card_wallet.enrolment_codes import LOCATOR_LENGTH, Code, grouped, new_code, normalised
from card_wallet.principals import PREFIX
from card_wallet.problems import EnrolmentRefused
from card_wallet.schemas import AddVerifier, EnrolledVerifier, EnrolmentCode, ListedVerifier, VerifierPage, VerifierView
from card_wallet.state import wallet_of

CODE_LIFE = timedelta(hours=24)
MOST_ATTEMPTS = 5
PER_ADDRESS = Rate(most=10, per=timedelta(minutes=1))

Manager = Operator | Provider


@in_unit_of_work
async def add_verifier(asked: AddVerifier, *, by: Manager, state: AppState) -> EnrolmentCode:
    """A new reader and the code that makes a device it. A provider adds readers for its own mini-apps only."""
    _require_role(asked, by, state)
    verifier_id = uuid7()
    await execute(
        "INSERT INTO card_wallet_verifier (id, name, place, app_id, role, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        verifier_id,
        asked.name,
        asked.place,
        asked.app_id,
        asked.role,
        state["clock"](),
    )
    await _audit(by, "verifier.added", verifier_id, {"app_id": asked.app_id, "role": asked.role})
    return await _new_enrolment(verifier_id, state)


@in_unit_of_work
async def renew_enrolment(verifier_id: UUID, *, by: Manager, state: AppState) -> EnrolmentCode:
    """A new code for a reader; the old one ends now, the device that is the reader stays it until the new one is used.

    Raises `not_found`.
    """
    await _require_own(verifier_id, by, state)
    await execute("DELETE FROM card_wallet_enrolment WHERE verifier_id = $1", verifier_id)
    await _audit(by, "verifier.code_renewed", verifier_id)
    return await _new_enrolment(verifier_id, state)


@in_unit_of_work
async def remove_verifier(verifier_id: UUID, *, by: Manager, state: AppState) -> None:
    """Take a reader out of service, in every process within five seconds. Raises `not_found`."""
    await _require_own(verifier_id, by, state)
    await execute(
        "UPDATE card_wallet_verifier SET token_hash = NULL, removed_at = $2 WHERE id = $1",
        verifier_id,
        state["clock"](),
    )
    await execute("DELETE FROM card_wallet_enrolment WHERE verifier_id = $1", verifier_id)
    _forget_readers(state)
    await _audit(by, "verifier.removed", verifier_id)


@in_unit_of_work
async def forget_device(verifier_id: UUID, *, state: AppState) -> None:
    """The device gives up being the reader; the reader waits for a new code."""
    await execute(
        "UPDATE card_wallet_verifier SET token_hash = NULL, enrolled_at = NULL WHERE id = $1 AND removed_at IS NULL",
        verifier_id,
    )
    _forget_readers(state)
    await audit("verifier", verifier_id, "verifier.forgotten", f"verifier:{verifier_id}")


async def verifiers_of(by: Manager, page: PageRequest, *, state: AppState) -> VerifierPage:
    """The readers in service, the oldest first: all of them, or those of the provider's mini-apps."""
    own = None if isinstance(by, Operator) else await _own_apps(by, state)
    rows = await fetch(
        "SELECT id, name, place, app_id, role, created_at, enrolled_at FROM card_wallet_verifier"
        " WHERE removed_at IS NULL AND id > $1 AND ($2::text[] IS NULL OR app_id = ANY($2)) ORDER BY id LIMIT $3",
        page.place(UUID) or UUID(int=0),
        own,
        page.limit + 1,
    )
    shown, following = page.part(rows, "id")
    return VerifierPage(items=[ListedVerifier(**row) for row in shown], next=following)


async def enrol(code: str, *, address: str, state: AppState) -> EnrolledVerifier:
    """Make the device with this code the reader. The device that was it before is not any more.

    Raises `enrolment_refused` for a code that is wrong, used, old or tried too often, `too_many_requests`.
    """
    await limit(state["redis"], "cards:enrol", address, PER_ADDRESS, fail_open=True)
    given = normalised(code)
    enrolled = await _use_code(given, state) if given else None
    if enrolled is None:
        raise EnrolmentRefused()
    return enrolled


@in_unit_of_work
async def forget_old_codes(clock: Clock) -> None:
    """Remove codes that nobody can use any more, so that their first characters are free again."""
    await execute("DELETE FROM card_wallet_enrolment WHERE expires_at <= $1", clock())


@in_unit_of_work
async def _use_code(given: Code, state: AppState) -> EnrolledVerifier | None:
    """None also counts the attempt, so it must not be an exception, which would take the count back."""
    now = state["clock"]()
    row = await fetchrow(
        "UPDATE card_wallet_enrolment SET attempts = attempts + 1"
        " WHERE locator = $1 AND attempts < $2 AND expires_at > $3 RETURNING verifier_id, secret_hash",
        given[:LOCATOR_LENGTH],
        MOST_ATTEMPTS,
        now,
    )
    if row is None or not secrets.compare_digest(bytes(row["secret_hash"]), _code_hash(given, state["keys"])):
        return None
    await execute("DELETE FROM card_wallet_enrolment WHERE verifier_id = $1", row["verifier_id"])
    token = PREFIX + secrets.token_urlsafe(32)
    verifier = await fetchrow(
        "UPDATE card_wallet_verifier SET token_hash = $2, enrolled_at = $3 WHERE id = $1 AND removed_at IS NULL"
        " RETURNING id, name, place, app_id, role",
        row["verifier_id"],
        token_hash(token),
        now,
    )
    if verifier is None:
        return None
    _forget_readers(state)
    await audit("verifier", verifier["id"], "verifier.enrolled", f"verifier:{verifier['id']}")
    return EnrolledVerifier(verifier=VerifierView(**verifier), token=token)


async def _new_enrolment(verifier_id: UUID, state: AppState) -> EnrolmentCode:
    expires_at = state["clock"]() + CODE_LIFE
    for _ in range(5):  # two open codes with the same first characters are rare, five in a row are not by chance
        code = new_code()
        made = await execute(
            "INSERT INTO card_wallet_enrolment"
            " (id, verifier_id, locator, secret_hash, attempts, expires_at, created_at)"
            " VALUES ($1, $2, $3, $4, 0, $5, now()) ON CONFLICT (locator) DO NOTHING",
            uuid7(),
            verifier_id,
            code[:LOCATOR_LENGTH],
            _code_hash(code, state["keys"]),
            expires_at,
        )
        if made:
            return EnrolmentCode(id=verifier_id, enrolment_code=grouped(code), expires_at=expires_at)
    raise TemporarilyUnavailable()


async def _own_apps(provider: Provider, state: AppState) -> list[str]:
    """The provider's mini-apps that have readers."""
    rows = await fetch("SELECT DISTINCT app_id FROM card_wallet_verifier WHERE removed_at IS NULL")
    return [row["app_id"] for row in rows if _manages(provider, listings(state).get(row["app_id"]))]


async def _require_own(verifier_id: UUID, by: Manager, state: AppState) -> None:
    row = await fetchrow(
        "SELECT app_id FROM card_wallet_verifier WHERE id = $1 AND removed_at IS NULL FOR UPDATE", verifier_id
    )
    if row is None or not _manages(by, listings(state).get(row["app_id"])):
        raise NotFound()


def _manages(by: Manager, listing: PublishedListing | None) -> bool:
    if isinstance(by, Operator):
        return True
    return listing is not None and listing.organisation_id == by.organisation_id


def _require_role(asked: AddVerifier, by: Manager, state: AppState) -> None:
    """The role must be one that a card of the mini-app discloses something to, be it nothing but that it is good."""
    listing = listings(state).get(asked.app_id)
    if listing is None or not _manages(by, listing):
        raise ValidationFailed(errors=[FieldError(pointer="/app_id", detail="No mini-app of yours has this id.")])
    roles = sorted({role for card_type in listing.manifest.banyan.cards for role in card_type.disclose})
    if asked.role not in roles:
        known = ", ".join(roles) or "none: it has no cards"
        raise ValidationFailed(errors=[FieldError(pointer="/role", detail=f"One that its cards name: {known}.")])


def _forget_readers(state: AppState) -> None:
    after_commit(wallet_of(state).readers.forget_all)


def _code_hash(code: Code, keys: KeyRing) -> bytes:
    return keys.blind_index("card_wallet_enrolment.secret", code)


async def _audit(by: Manager, action: str, verifier_id: UUID, details: dict[str, str] | None = None) -> None:
    kind = "operator" if isinstance(by, Operator) else "provider"
    await audit(kind, by.id, action, f"verifier:{verifier_id}", details=dict(details or {}))

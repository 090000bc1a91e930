"""Passkeys, as use cases: a resident adds, names and removes them, and signs in with one."""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from app_server.identity import ceremonies
from app_server.identity.ceremonies import NotAccepted, Site
from app_server.identity.devices import Visit, device_named_by
from app_server.identity.ending import end_sessions
from app_server.identity.events import PasskeyAdded, PasskeyCounterFellBack
from app_server.identity.known_devices import forget_devices
from app_server.identity.locks import require_open
from app_server.identity.models import ChallengePurpose, Passkey, PasskeyChallenge, Resident, SignInMethod
from app_server.identity.phones import mask
from app_server.identity.presence import Purpose, require_presence
from app_server.identity.problems import PasskeyChallengeOver, PasskeyNotAccepted, SessionOver, TooManyPasskeys
from app_server.identity.schemas import PasskeyOptions, PasskeyPage, PasskeyView
from app_server.identity.service import OpenedSession, new_session
from app_server.kernel.audit import audit
from app_server.kernel.crypto import KeyRing
from app_server.kernel.events import record
from app_server.kernel.ids import uuid7
from app_server.kernel.limits import Rate, limit
from app_server.kernel.logs import logger
from app_server.kernel.problems import NotFound
from app_server.kernel.schemas import PageRequest
from app_server.kernel.settings import Settings
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute, fetch, fetchrow, in_unit_of_work

MOST = 20  # passkeys of one resident
PER_RESIDENT = Rate(most=30, per=timedelta(hours=1))
LOOKS = 10  # a look at the sign-in page asks for a challenge, too: so many for each code that an address may ask for

log = logger(__name__)


def site_of(settings: Settings, locale: str = "en") -> Site:
    """This city as authenticators know it: passkeys are bound to the host of `base_url`."""
    host = urlsplit(settings.base_url).hostname or ""
    return Site(origin=settings.base_url, host=host, name=settings.city(locale))


async def ask_to_register(resident_id: UUID, *, here: UUID, locale: str, state: AppState) -> PasskeyOptions:
    """What the resident's authenticator makes a passkey for. Problems: `too_many_requests`, `too_many_passkeys`,
    `insufficient_user_authentication`.
    """
    await limit(state["redis"], "passkey:resident", resident_id.hex, PER_RESIDENT)
    resident = await Resident.get(id=resident_id)
    if resident.phone_sealed is None:
        raise SessionOver()
    existing = [row["credential_id"] for row in await fetch(_OWN, resident_id)]
    if len(existing) >= MOST:
        raise TooManyPasskeys()
    challenge_id, challenge = await _new_registration(resident_id, here, state)
    options = ceremonies.registration_options(
        site_of(state["settings"], locale),
        challenge,
        resident_id=resident_id,
        called=mask(state["keys"].open("resident.phone", resident.phone_sealed)),
        existing=existing,
    )
    return _options(challenge_id, options)


async def add_passkey(
    resident_id: UUID,
    challenge_id: UUID,
    credential: Mapping[str, Any],
    *,
    name: str | None,
    user_agent: str,
    state: AppState,
) -> PasskeyView:
    """Keep the passkey that was made. Problems: `passkey_challenge_over`, `passkey_not_accepted`, `too_many_passkeys`,
    those of `locks.require_open`.
    """
    challenge = await _take_challenge(challenge_id, ChallengePurpose.REGISTRATION, resident_id, state)
    try:
        made = ceremonies.registered(site_of(state["settings"]), challenge, credential)
    except NotAccepted as reason:
        raise _refused(reason) from reason
    return await _keep(resident_id, made, name, str(device_named_by(user_agent)), state)


async def ask_to_sign_in(*, address: str, state: AppState) -> PasskeyOptions:
    """What any passkey of this city may answer; nobody is named or looked up. Problem: `too_many_requests`.

    The limit keeps the table small; without Valkey it is not held, for a signature cannot be guessed.
    """
    rate = Rate(most=LOOKS * state["settings"].codes_per_address, per=timedelta(hours=1))
    await limit(state["redis"], "passkey:address", address, rate)
    challenge_id, challenge = await _new_challenge(ChallengePurpose.SIGN_IN, None, state)
    return _options(challenge_id, ceremonies.sign_in_options(site_of(state["settings"]), challenge))


async def open_session(
    challenge_id: UUID, credential: Mapping[str, Any], *, visit: Visit, state: AppState
) -> OpenedSession:
    """Trade a signature for a session. Problems: `passkey_challenge_over`, `passkey_not_accepted`, those of
    `locks.require_open`.
    """
    challenge = await _take_challenge(challenge_id, ChallengePurpose.SIGN_IN, None, state)
    try:
        opened = await _admit(challenge, credential, visit, state)
    except NotAccepted as reason:
        raise _refused(reason) from reason
    if opened is None:
        raise PasskeyNotAccepted()
    return opened


async def ask_for_presence(resident_id: UUID, *, state: AppState) -> PasskeyOptions:
    """What a passkey of the resident's signs to show that they are there. Problem: `too_many_requests`."""
    await limit(state["redis"], "passkey:resident", resident_id.hex, PER_RESIDENT)
    challenge_id, challenge = await _new_challenge(ChallengePurpose.PRESENCE, resident_id, state)
    return _options(challenge_id, ceremonies.sign_in_options(site_of(state["settings"]), challenge))


async def prove(resident_id: UUID, challenge_id: UUID, credential: Mapping[str, Any], *, state: AppState) -> None:
    """Return when a passkey of the resident's has signed. Problems: `passkey_challenge_over`, `passkey_not_accepted`,
    those of `locks.require_open`.
    """
    challenge = await _take_challenge(challenge_id, ChallengePurpose.PRESENCE, resident_id, state)
    try:
        signed = await _proven(challenge, credential, state)
    except NotAccepted as reason:
        raise _refused(reason) from reason
    if signed is None or signed[1].id != resident_id:
        raise PasskeyNotAccepted()


async def passkeys_of(resident_id: UUID, page: PageRequest, *, keys: KeyRing) -> PasskeyPage:
    """The resident's passkeys, the newest first."""
    rows = await fetch(
        "SELECT id, name_sealed, created_at, last_used_at FROM core_passkey"
        " WHERE resident_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
        resident_id,
        page.place(UUID),
        page.limit + 1,
    )
    shown, following = page.part(rows, "id")
    return PasskeyPage(items=[_view(row, keys) for row in shown], next=following)


@in_unit_of_work
async def rename_passkey(resident_id: UUID, passkey_id: UUID, name: str | None, *, keys: KeyRing) -> PasskeyView:
    """Call it otherwise. Problem: `not_found`."""
    row = await fetchrow(
        "UPDATE core_passkey SET name_sealed = $3 WHERE id = $1 AND resident_id = $2"
        " RETURNING id, name_sealed, created_at, last_used_at",
        passkey_id,
        resident_id,
        _sealed(name, keys),
    )
    if row is None:
        raise NotFound()
    return _view(row, keys)


@in_unit_of_work
async def remove_passkey(resident_id: UUID, passkey_id: UUID, *, here: UUID, state: AppState) -> list[UUID]:
    """Remove it, and end what was opened with it, but for the session `here` that asks; the ids of the ended sessions.

    Problems: `not_found`, `insufficient_user_authentication`.
    """
    await require_presence(resident_id, here, Purpose.PASSKEYS, state=state)
    if not await execute("DELETE FROM core_passkey WHERE id = $1 AND resident_id = $2", passkey_id, resident_id):
        raise NotFound()
    rows = await end_sessions("passkey_id = $1 AND id <> $2", passkey_id, here, at=state["clock"]())
    await forget_devices(resident_id, [row["device_hash"] for row in rows])
    return [row["id"] for row in rows]


_OWN = "SELECT credential_id FROM core_passkey WHERE resident_id = $1"


@in_unit_of_work
async def _new_challenge(purpose: ChallengePurpose, resident_id: UUID | None, state: AppState) -> tuple[UUID, bytes]:
    challenge_id, challenge = uuid7(), secrets.token_bytes(32)
    await PasskeyChallenge.create(
        id=challenge_id,
        purpose=purpose,
        resident_id=resident_id,
        challenge=challenge,
        expires_at=state["clock"]() + ceremonies.TIME,
    )
    return challenge_id, challenge


@in_unit_of_work
async def _new_registration(resident_id: UUID, here: UUID, state: AppState) -> tuple[UUID, bytes]:
    await require_presence(resident_id, here, Purpose.PASSKEYS, state=state)
    return await _new_challenge(ChallengePurpose.REGISTRATION, resident_id, state)


@in_unit_of_work
async def _take_challenge(
    challenge_id: UUID, purpose: ChallengePurpose, resident_id: UUID | None, state: AppState
) -> bytes:
    """The challenge, which is then used, whatever comes of the answer. Problem: `passkey_challenge_over`."""
    row = await fetchrow(
        "DELETE FROM core_passkey_challenge WHERE id = $1 AND purpose = $2 AND resident_id IS NOT DISTINCT FROM $3"
        " AND expires_at > $4 RETURNING challenge",
        challenge_id,
        purpose,
        resident_id,
        state["clock"](),
    )
    if row is None:
        raise PasskeyChallengeOver()
    return bytes(row["challenge"])


@in_unit_of_work
async def _keep(
    resident_id: UUID, made: ceremonies.NewPasskey, name: str | None, device: str, state: AppState
) -> PasskeyView:
    keys, now = state["keys"], state["clock"]()
    resident = await Resident.filter(id=resident_id).select_for_update().get()  # nobody locks it or adds one meanwhile
    require_open(resident)
    if await Passkey.filter(resident_id=resident_id).count() >= MOST:
        raise TooManyPasskeys()
    row = await fetchrow(
        "INSERT INTO core_passkey (id, resident_id, credential_id, public_key, sign_count, name_sealed, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (credential_id) DO NOTHING"
        " RETURNING id, name_sealed, created_at, last_used_at",
        uuid7(),
        resident_id,
        made.credential_id,
        made.public_key,
        made.sign_count,
        _sealed(name or device or None, keys),
        now,
    )
    if row is None:
        raise PasskeyNotAccepted()
    await record(PasskeyAdded(passkey_id=row["id"], resident_id=resident_id, device=device, at=now))
    return _view(row, keys)


@in_unit_of_work
async def _admit(
    challenge: bytes, credential: Mapping[str, Any], visit: Visit, state: AppState
) -> OpenedSession | None:
    """The session; None when the counter fell back. Raises `NotAccepted`."""
    proven = await _proven(challenge, credential, state)
    if proven is None:
        return None
    passkey_id, resident = proven
    return await new_session(resident, visit, state, method=SignInMethod.PASSKEY, passkey_id=passkey_id)


@in_unit_of_work
async def _proven(challenge: bytes, credential: Mapping[str, Any], state: AppState) -> tuple[UUID, Resident] | None:
    """The passkey that signed, and whose it is, held; None when the counter fell back, which is then written down.
    Raises `NotAccepted`.
    """
    row = await fetchrow(
        "SELECT id, resident_id, public_key FROM core_passkey WHERE credential_id = $1 FOR UPDATE", credential["id"]
    )
    count = ceremonies.signed(
        site_of(state["settings"]),
        challenge,
        credential,
        public_key=row and row["public_key"],
        resident_id=row and row["resident_id"],
    )
    resident = await Resident.filter(id=row["resident_id"]).select_for_update().get()
    require_open(resident)
    if not await _count_on(row["id"], count, state):
        await _write_down_the_fall(row["id"], resident.id, state)
        return None
    return row["id"], resident


async def _count_on(passkey_id: UUID, count: int, state: AppState) -> bool:
    """Whether the counter went on. One that is always 0 is not counted: passkeys that are synced have none."""
    return bool(
        await execute(
            "UPDATE core_passkey SET sign_count = $2, last_used_at = $3"
            " WHERE id = $1 AND (sign_count < $2 OR (sign_count = 0 AND $2 = 0))",
            passkey_id,
            count,
            state["clock"](),
        )
    )


async def _write_down_the_fall(passkey_id: UUID, resident_id: UUID, state: AppState) -> None:
    await audit("system", "sign-in", "passkey.counter_fell_back", f"passkey:{passkey_id}")
    await record(PasskeyCounterFellBack(passkey_id=passkey_id, resident_id=resident_id, at=state["clock"]()))


def _options(challenge_id: UUID, options: dict[str, Any]) -> PasskeyOptions:
    seconds = int(ceremonies.TIME.total_seconds())
    return PasskeyOptions(challenge_id=challenge_id, expires_in=seconds, public_key=options)


def _refused(reason: NotAccepted) -> PasskeyNotAccepted:
    log.info("passkey_refused", reason=str(reason))
    return PasskeyNotAccepted()


def _sealed(name: str | None, keys: KeyRing) -> bytes | None:
    return keys.seal("passkey.name", name) if name else None


def _view(row: Any, keys: KeyRing) -> PasskeyView:
    return PasskeyView(
        id=row["id"],
        name=keys.open("passkey.name", row["name_sealed"]) if row["name_sealed"] else None,
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
    )

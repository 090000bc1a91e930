"""Residents and their sessions, as use cases; how they sign in stands in a file for each way."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app_server.identity.devices import Visit, device_named_by, network_of
from app_server.identity.ending import end_sessions
from app_server.identity.events import SignedInOnNewDevice
from app_server.identity.known_devices import is_news
from app_server.identity.models import RefreshToken, Resident, Session, SignInMethod
from app_server.kernel.audit import audit
from app_server.kernel.crypto import KeyRing, token_hash
from app_server.kernel.events import record
from app_server.kernel.ids import uuid7, uuid7_text
from app_server.kernel.state import AppState
from app_server.kernel.tokens import sign
from app_server.kernel.unit_of_work import execute, fetchrow, in_unit_of_work

FIRST_PARTY = "banyan"  # the client id of the resident app itself


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSession:
    """A new or renewed session, and the secrets that go to its owner and nowhere else."""

    session_id: UUID
    resident_id: UUID
    cookie_token: str | None
    refresh_token: str
    access_token: str


async def ensure_resident(number: str, *, locale: str = "zh-CN", keys: KeyRing) -> Resident:
    """The resident with this number (E.164), made if there is none, and held by the caller's unit of work till its end:
    nobody locks the account or changes the profile meanwhile.
    """
    index = phone_index(keys, number)
    await execute(
        "INSERT INTO core_resident"
        " (id, phone_index, phone_sealed, locale, theme, elder_mode, roles, version, created_at)"
        " VALUES ($1, $2, $3, $4, 'auto', false, '[]', 1, now()) ON CONFLICT (phone_index) DO NOTHING",
        uuid7(),
        index,
        keys.seal("resident.phone", number),
        locale,
    )
    resident = await Resident.filter(phone_index=index).select_for_update().first()
    if resident is None:  # whose it was gave it up at this very moment
        return await ensure_resident(number, locale=locale, keys=keys)
    return resident


async def resident_with(number: str, *, keys: KeyRing) -> UUID | None:
    """The id of the resident with this number (E.164), if there is one."""
    row = await fetchrow("SELECT id FROM core_resident WHERE phone_index = $1", phone_index(keys, number))
    return row["id"] if row else None


async def new_session(
    resident: Resident, visit: Visit, state: AppState, *, method: SignInMethod, passkey_id: UUID | None = None
) -> OpenedSession:
    """A session of this resident, opened in that way.

    In the caller's unit of work, which holds the resident and knows that the account is not locked.
    """
    now, device_hash, network = state["clock"](), token_hash(visit.device), network_of(visit.address)
    cookie_token, refresh_token = new_secret("bs"), new_secret("br")
    news = await is_news(resident.id, device_hash, now)
    session = await Session.create(
        resident=resident,
        token_hash=token_hash(cookie_token),
        user_agent=visit.user_agent[:400],
        method=method,
        passkey_id=passkey_id,
        device_hash=device_hash,
        network_sealed=state["keys"].seal("session.network", network) if network else None,
        created_at=now,
        last_used_at=now,
        expires_at=now + timedelta(days=state["settings"].session_days),
    )
    if news:
        device = str(device_named_by(visit.user_agent))
        await record(SignedInOnNewDevice(session_id=session.id, resident_id=resident.id, device=device, at=now))
    await RefreshToken.create(session=session, token_hash=token_hash(refresh_token))
    return OpenedSession(
        session_id=session.id,
        resident_id=resident.id,
        cookie_token=cookie_token,
        refresh_token=refresh_token,
        access_token=access_token(
            resident_id=resident.id,
            session_id=session.id,
            roles=resident.roles,
            organisation_id=resident.organisation_id,
            state=state,
        ),
    )


@in_unit_of_work
async def end_session(
    session_id: UUID, *, state: AppState, occasion_id: UUID | None = None, told: bool = True
) -> list[UUID]:
    """End a session and what hangs on it: cookie, refresh families and, within seconds in every process, access tokens.

    The ids of the sessions that ended, for this process to hear of at once. Whom of the services to tell: `ending.py`.
    """
    rows = await end_sessions("id = $1", session_id, at=state["clock"](), occasion_id=occasion_id, told=told)
    return [row["id"] for row in rows]


@in_unit_of_work
async def end_grants(resident_id: UUID, client_id: str, *, lasting_only: bool, state: AppState) -> list[UUID]:
    """End what a client holds for a resident: all of it, or what goes on while she is away. The ids, as above."""
    rows = await end_sessions(
        "resident_id = $1 AND client_id = $2 AND ($3 OR parent_id IS NULL)",
        resident_id,
        client_id,
        not lasting_only,
        at=state["clock"](),
    )
    return [row["id"] for row in rows]


@in_unit_of_work
async def register_person(
    number: str,
    *,
    name: str,
    roles: list[str],
    organisation_id: UUID | None = None,
    locale: str = "zh-CN",
    district_code: str | None = None,
    keys: KeyRing,
) -> UUID:
    """A resident with a name and roles (`operator`, `provider`), for seeding and for the operator's command line.

    Roles and organisation are set, audited where they change; name, language and district only when the person is new.
    """
    resident = await ensure_resident(number, locale=locale, keys=keys)
    changed = []
    if resident.name_sealed is None:
        resident.name_sealed = keys.seal("resident.name", name)
        resident.district_code = district_code
        changed += ["name_sealed", "district_code"]
    if (resident.roles, resident.organisation_id) != (roles, organisation_id):
        resident.roles, resident.organisation_id = roles, organisation_id
        changed += ["roles", "organisation_id"]
        organisation = str(organisation_id) if organisation_id else None
        await audit(
            "system",
            "banyan seed",
            "resident.roles_set",
            f"resident:{resident.id}",
            details={"roles": roles, "organisation": organisation},
        )
    if changed:
        resident.version += 1
        await resident.save(update_fields=[*changed, "version"])
    return resident.id


def access_token(
    *, resident_id: UUID, session_id: UUID, roles: Sequence[str], organisation_id: UUID | None, state: AppState
) -> str:
    """A signed token (RFC 9068) for the resident app; the routes of the core admit whoever carries it."""
    settings, now = state["settings"], int(state["clock"]().timestamp())
    claims = {
        "iss": settings.base_url,
        "aud": settings.base_url,
        "client_id": FIRST_PARTY,
        "sub": str(resident_id),
        "sid": str(session_id),
        "roles": list(roles),
        "org": str(organisation_id) if organisation_id else None,
        "iat": now,
        "exp": now + settings.access_token_seconds,
        "jti": uuid7_text(),
    }
    return sign(claims, typ="at+jwt", keys=state["keys"])


def new_secret(prefix: str) -> str:
    """A random token of 256 bits that tells its kind."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def phone_index(keys: KeyRing, number: str) -> str:
    """By what a number (E.164) is found."""
    return keys.blind_index("resident.phone", number).hex()

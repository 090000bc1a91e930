"""A change of what somebody signs in with, or letting another act for them, needs them to be there now (RFC 9470): a
sign-in of the last minutes, or a ticket, which is proven for one purpose, for this session, and used once.

Who has an authenticator app proves it with the app, a recovery code or a passkey; everybody else with a code to the
phone or a passkey.
"""

from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from app_server.identity import assurance
from app_server.identity.models import SignInMethod
from app_server.identity.problems import InsufficientUserAuthentication
from app_server.kernel.ids import uuid7
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute, fetchrow

FRESH = timedelta(minutes=10)
TICKET = timedelta(seconds=180)


class Purpose(StrEnum):
    """What somebody wants to change. A ticket for the one is none for the other."""

    PASSKEYS = "passkeys"
    PASSWORD = "password"
    APP = "authenticator_app"
    CODES = "recovery_codes"
    NUMBER = "number"
    MANDATES = "mandates"


async def level_needed(resident_id: UUID) -> int:
    """The authenticator level that the resident's changes ask for."""
    row = await fetchrow(
        "SELECT 1 FROM core_authenticator_app WHERE resident_id = $1 AND confirmed_at IS NOT NULL", resident_id
    )
    return assurance.LEVELS[assurance.TWO_STEPS if row else assurance.PHONE]


async def is_present(resident_id: UUID, here: UUID, purpose: Purpose, *, state: AppState) -> bool:
    """Whether a change would be let through now."""
    needed, now = await level_needed(resident_id), state["clock"]()
    row = await fetchrow(
        "SELECT s.method, s.created_at, t.level FROM core_session s LEFT JOIN core_presence_ticket t"
        " ON t.session_id = s.id AND t.purpose = $2 AND t.expires_at > $3 WHERE s.id = $1",
        here,
        purpose.value,
        now,
    )
    if row is None:
        return False
    fresh = now - row["created_at"] <= FRESH and assurance.OF[SignInMethod(row["method"])].level >= needed
    return fresh or (row["level"] or 0) >= needed


async def require_presence(resident_id: UUID, here: UUID, purpose: Purpose, *, state: AppState) -> None:
    """Let the change through, or raise `insufficient_user_authentication`. A ticket is used up. In the unit of work of
    the change.
    """
    if not await is_present(resident_id, here, purpose, state=state):
        raise await wanting(resident_id, purpose)
    await execute("DELETE FROM core_presence_ticket WHERE session_id = $1 AND purpose = $2", here, purpose.value)


async def wanting(resident_id: UUID, purpose: Purpose) -> InsufficientUserAuthentication:
    """What somebody hears who has to prove that they are there."""
    needed, max_age = await level_needed(resident_id), int(FRESH.total_seconds())
    values = " ".join(acr for acr, level in assurance.LEVELS.items() if level >= needed)
    told = f'Bearer error="insufficient_user_authentication", acr_values="{values}", max_age="{max_age}"'
    return InsufficientUserAuthentication(
        headers={"WWW-Authenticate": told}, purpose=purpose.value, acr_values=values, max_age=max_age
    )


async def give_ticket(here: UUID, purpose: Purpose, level: int, *, state: AppState) -> None:
    """Somebody proved that they are there; in the caller's unit of work."""
    await execute(
        "INSERT INTO core_presence_ticket (id, session_id, purpose, level, expires_at) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (session_id, purpose) DO UPDATE SET level = excluded.level, expires_at = excluded.expires_at",
        uuid7(),
        here,
        purpose.value,
        level,
        state["clock"]() + TICKET,
    )

"""As whom somebody is here: as themselves, or for another. To act for another is to open a session under a mandate.

It is a session of the one acted for, with the actor's own as its parent: what ends the one ends the other, and
launches, codes and tokens hang on it as on any session.
"""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from app_server.identity.acting.problems import ActingOver, MandateNotInForce
from app_server.identity.cookies import clear_acting_cookie_header
from app_server.identity.service import end_session, new_secret
from app_server.identity.sessions import sessions_of
from app_server.kernel.access import Resident
from app_server.kernel.audit import audit
from app_server.kernel.crypto import token_hash
from app_server.kernel.ids import uuid7
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute, fetchrow, in_unit_of_work

ACTING_LIFE = timedelta(hours=12)  # so that nobody acts for another for days because they forgot that they do

# Whoever ends the mandate or the actor's session, or locks an account, waits for this or is waited for; accounts are
# held before mandates and those before sessions, so that nobody waits in a circle.
_IN_FORCE = """
SELECT m.principal_id, m.until_at, s.id AS own_session, s.method, s.created_at, s.expires_at
FROM core_mandate m JOIN core_session s ON s.id = $3 AND s.resident_id = m.agent_id
JOIN core_resident p ON p.id = m.principal_id JOIN core_resident a ON a.id = m.agent_id
WHERE m.id = $1 AND m.agent_id = $2 AND m.state = 'active' AND m.starts_at <= $4 AND m.until_at > $4
  AND s.ended_at IS NULL AND s.expires_at > $4 AND p.locked_at IS NULL AND a.locked_at IS NULL
FOR SHARE OF p, a, m, s
"""
_OPEN = """
INSERT INTO core_session (id, resident_id, token_hash, user_agent, method, created_at, last_used_at, expires_at,
  parent_id, mandate_id, actor_id) VALUES ($1, $2, $3, '', $4, $5, $6, $7, $8, $9, $10)
"""


class Opened(NamedTuple):
    """A session under a mandate: the token of its cookie, and when it is over at the latest."""

    token: str
    expires_at: datetime


@in_unit_of_work
async def act_for_another(
    me: UUID, own_session: UUID, mandate_id: UUID, *, no_longer_than: datetime | None = None, state: AppState
) -> Opened:
    """Open a session under the mandate, audited.

    Problem: `mandate_not_in_force`, for one that is not yours, has not begun or is over, or if an account is locked.
    """
    now, session_id, token = state["clock"](), uuid7(), new_secret("ba")
    row = await fetchrow(_IN_FORCE, mandate_id, me, own_session, now)
    if row is None:
        raise MandateNotInForce()
    expires_at = min(no_longer_than or now + ACTING_LIFE, row["until_at"], row["expires_at"])
    await execute(
        _OPEN,
        session_id,
        row["principal_id"],
        token_hash(token),
        row["method"],
        row["created_at"],  # how and when the actor proved who they are
        now,
        expires_at,
        own_session,
        mandate_id,
        me,
    )
    await audit("resident", me, "mandate.used", f"mandate:{mandate_id}", details={"session": str(session_id)})
    return Opened(token, expires_at)


async def back_to_oneself(session_id: UUID, *, state: AppState) -> None:
    """End the session under the mandate; what it opened ends with it."""
    sessions_of(state).forget(await end_session(session_id, state=state))


async def resolve_acting(token: str, state: AppState) -> Resident:
    """Who acts with this token: the credential behind the cookie `banyan_acting`.

    One that is no good any more is not passed over: what was meant for another must not be done as oneself. Problem:
    `acting_over`, once; it takes the cookie back.
    """
    found = await sessions_of(state).resolve(token)
    if found is None or found.acting is None:
        raise ActingOver(headers=clear_acting_cookie_header(state))
    return found

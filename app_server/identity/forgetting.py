"""What sign-in leaves behind is removed when it is over: challenges, sessions, refresh tokens, sealed successors, and
devices that were not seen for long.
"""

from datetime import timedelta
from typing import Any

from app_server.identity.factors.authenticator_app import TO_CONFIRM
from app_server.identity.factors.tries import WINDOW
from app_server.identity.known_devices import KEPT_FOR
from app_server.identity.recovery.officers import LIFE as RECOVERY_LIFE
from app_server.identity.refresh import GRACE
from app_server.identity.sessions import LOOK_BACK
from app_server.kernel.clearing import PAGE, again, delete_page
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute

# A used refresh token that comes back ends its session: a copy is in other hands. It is known for so long; the client
# of an active app leaves one every ten minutes, so they are not kept for ever. After it, it is refused as any unknown.
USED_KNOWN_FOR = timedelta(days=30)


async def forget_old_challenges(payload: dict[str, Any], *, state: AppState) -> None:
    """Remove what nobody can answer any more: challenges, second steps, apps that were never confirmed; and numbers
    that cannot come back any more."""
    now = state["clock"]()
    await again(
        "forget_old_challenges",
        await delete_page("core_sign_in_challenge", "expires_at < $1", now - timedelta(days=1)),
        await delete_page("core_passkey_challenge", "expires_at < $1", now),
        await delete_page("core_sign_in_step", "expires_at < $1", now),
        await delete_page("core_recovery", "opened_at < $1", now - RECOVERY_LIFE),
        await delete_page("core_phone_change", "undo_until < $1", now),
        await delete_page("core_presence_ticket", "expires_at < $1", now),
        await delete_page("core_outside_check", "expires_at < $1", now),
        await delete_page("core_password_tries", "since < $1", now - WINDOW),
        await delete_page("core_authenticator_app", "confirmed_at IS NULL AND created_at < $1", now - TO_CONFIRM),
    )


async def forget_old_sessions(payload: dict[str, Any], *, state: AppState) -> None:
    """Remove sessions that have been over for longer than any process looks back, and what refresh tokens leave."""
    now = state["clock"]()
    over = "(ended_at < $1 OR expires_at < $1)"
    await again(
        "forget_old_sessions",
        await _forget_successors(now - GRACE),
        await delete_page("core_refresh_token", "used_at < $1", now - USED_KNOWN_FOR),
        await delete_page(
            "core_refresh_token", f"session_id IN (SELECT id FROM core_session WHERE {over})", now - LOOK_BACK
        ),
        await delete_page(  # a session may have left thousands of tokens: they go first, page by page
            "core_session",
            f"{over} AND NOT EXISTS (SELECT 1 FROM core_refresh_token t WHERE t.session_id = core_session.id)",
            now - LOOK_BACK,
        ),
        await delete_page("core_known_device", "last_seen_at < $1", now - KEPT_FOR),
    )


async def _forget_successors(before: object) -> bool:
    """Whether there may be more."""
    forgotten = await execute(
        "UPDATE core_refresh_token SET successor_sealed = NULL WHERE id IN (SELECT id FROM core_refresh_token"
        f" WHERE used_at < $1 AND successor_sealed IS NOT NULL LIMIT {PAGE})",
        before,
    )
    return forgotten == PAGE

"""Logout tokens (OpenID Connect Back-Channel Logout 1.0 §2.4): a session of the client's has ended."""

from uuid import UUID

from app_server.authorization.service import subject_of
from app_server.kernel.ids import uuid7_text
from app_server.kernel.ports import Client
from app_server.kernel.state import AppState
from app_server.kernel.tokens import sign

LIFE = 120  # seconds; each attempt sends a token of its own
EVENT = "http://schemas.openid.net/event/backchannel-logout"


def logout_token(client: Client, *, resident_id: UUID, session_id: UUID, state: AppState) -> str:
    """Signed now: `sub` as the client knows the resident, `sid` as its ID token had it, and no `nonce`."""
    now = int(state["clock"]().timestamp())
    claims = {
        "iss": state["settings"].base_url,
        "sub": subject_of(client, resident_id, state["keys"]),
        "aud": client.app_id,
        "iat": now,
        "exp": now + LIFE,
        "jti": uuid7_text(),
        "events": {EVENT: {}},
        "sid": str(session_id),
    }
    return sign(claims, typ="logout+jwt", keys=state["keys"])

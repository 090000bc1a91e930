"""The credential behind `Authorization: Bearer eyJ…`: an access token of ours, checked without any round trip."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app_server.authorization.issuing import principal_of
from app_server.authorization.mistakes import noted
from app_server.authorization.redeeming import Redemptions, redeem_all
from app_server.authorization.registered import kept
from app_server.identity.sessions import sessions_of
from app_server.kernel.access import MiniApp, Resident
from app_server.kernel.logs import logger
from app_server.kernel.state import AppState
from app_server.kernel.tokens import Expectation, TokenRefused, TokenVerifier, VerifiedClaims

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """Whom a token stands for, the session that it ends with, if any, and when it expires by itself."""

    principal: Resident | MiniApp
    session_id: UUID | None
    expires_at: datetime


class AuthorizationState(AppState):
    """The process's state with its token verifier."""

    access_tokens: TokenVerifier[Bearer]


async def resolve_access_token(token: str, state: AppState) -> Resident | MiniApp | None:
    """The caller, or None for a token that is no good, of an ended session, or of an app that is not open now."""
    bearer = bearer_of(token, state)
    return bearer.principal if bearer else None


def bearer_of(token: str, state: AppState) -> Bearer | None:
    """What the token stands for, or None as above."""
    verifier: TokenVerifier[Bearer] = state["access_tokens"]  # type: ignore[typeddict-item]
    try:
        bearer = verifier.verify(token, state["clock"]())
    except TokenRefused as reason:
        log.info("access_refused", reason=str(reason))
        return None
    if bearer.session_id is not None and sessions_of(state).has_ended(bearer.session_id):
        return None
    principal = bearer.principal
    if isinstance(principal, MiniApp) and state["ports"].clients.find(principal.app_id) is None:
        return None
    return bearer


@asynccontextmanager
async def lifespan(state: AppState) -> AsyncIterator[dict[str, Any]]:
    """Keep the verifier, with the tokens it has seen, and the redemptions that wait, for the life of the process."""

    def meaning(claims: VerifiedClaims) -> Bearer:
        session_id = UUID(claims["sid"]) if "sid" in claims else None
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
        return Bearer(principal=principal_of(claims, state), session_id=session_id, expires_at=expires_at)

    issuer = state["settings"].base_url
    expected = Expectation(
        typ="at+jwt", issuer=issuer, audience=issuer, required=("iss", "aud", "exp", "iat", "sub", "client_id")
    )
    async with kept() as clients, noted() as mistakes:
        yield {
            "access_tokens": TokenVerifier(expected, state["keys"], meaning),
            "redemptions": Redemptions(redeem_all, lanes=2),
            "registered_clients": clients,
            "client_mistakes": mistakes,
        }

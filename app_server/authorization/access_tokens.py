"""The credential behind `Authorization: Bearer eyJ…`: an access token of ours, checked without any round trip; and
behind `Authorization: DPoP eyJ…`: one that is bound to a key (RFC 9449), with the proof of it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app_server.authorization.issuing import principal_of, session_of
from app_server.authorization.mistakes import noted
from app_server.authorization.proofs import ProofRefused, UsedProofs, nonce_now, proven_key
from app_server.authorization.redeeming import Redemptions, redeem_all
from app_server.authorization.registered import kept
from app_server.identity.sessions import sessions_of
from app_server.kernel.access import KEY_CHALLENGE, MiniApp, Resident
from app_server.kernel.logs import logger
from app_server.kernel.problems import SignInRequired
from app_server.kernel.state import AppRequest, AppState
from app_server.kernel.tokens import Expectation, TokenRefused, TokenVerifier, VerifiedClaims

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """Whom a token stands for, the session that it ends with, if any, when it expires by itself, and the thumbprint of
    the key that it is bound to, if it is.
    """

    principal: Resident | MiniApp
    session_id: UUID | None
    expires_at: datetime
    jkt: str | None


class AuthorizationState(AppState):
    """The process's state with its token verifier."""

    access_tokens: TokenVerifier[Bearer]


async def resolve_access_token(token: str, state: AppState) -> Resident | MiniApp | None:
    """The caller, or None for a token that is no good, of an ended session, of an app that is not open now, or bound to
    a key.
    """
    bearer = bearer_of(token, state)
    return bearer.principal if bearer and bearer.jkt is None else None


async def resolve_held_token(token: str, request: AppRequest) -> Resident | MiniApp:
    """The caller who holds the token and its key. Raises `sign_in_required`."""
    state = request.state
    try:
        jkt = await proven_key(request, token=token)
    except ProofRefused as refused:
        raise _refused(refused.error, str(refused), state) from None
    bearer = bearer_of(token, state)
    if bearer is None or bearer.jkt != jkt:
        raise _refused("invalid_token", "the token is no good, or bound to another key or to none", state)
    return bearer.principal


def _refused(error: str, description: str, state: AppState) -> SignInRequired:
    challenge = f'{KEY_CHALLENGE}, error="{error}", error_description="{description}"'
    return SignInRequired(headers={"WWW-Authenticate": challenge, "DPoP-Nonce": nonce_now(state)})


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
        session_id = session_of(claims, state)
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
        jkt = claims["cnf"]["jkt"] if "cnf" in claims else None
        return Bearer(principal=principal_of(claims, state), session_id=session_id, expires_at=expires_at, jkt=jkt)

    issuer = state["settings"].base_url
    expected = Expectation(
        typ="at+jwt", issuer=issuer, audience=issuer, required=("iss", "aud", "exp", "iat", "sub", "client_id")
    )
    async with kept() as clients, noted() as mistakes:
        yield {
            "access_tokens": TokenVerifier(expected, state["keys"], meaning),
            "used_proofs": UsedProofs(),
            "redemptions": Redemptions(redeem_all, lanes=2),
            "registered_clients": clients,
            "client_mistakes": mistakes,
        }

"""The next tokens for a refresh token: the resident app's own, or a registered client's (RFC 6749 §6)."""

from app_server.authorization.client_proof import authenticated
from app_server.authorization.forms import Form
from app_server.authorization.issuing import resident_token, scopes_of, token_type
from app_server.authorization.problems import OAuthError, required
from app_server.authorization.schemas import Tokens
from app_server.authorization.service import granted_scopes
from app_server.identity.problems import SessionOver
from app_server.identity.refresh import renew_session, rotate
from app_server.identity.service import FIRST_PARTY
from app_server.kernel.ids import uuid7
from app_server.kernel.state import AppState


async def renewed(form: Form, state: AppState) -> Tokens:
    """Trade the refresh token for the next. Raises `OAuthError`."""
    refresh_token = required(form, "refresh_token")
    try:
        proves = "client_assertion" in form or form.secret is not None
        if form.get("client_id", FIRST_PARTY) == FIRST_PARTY and not proves:
            if form.jkt is not None:
                raise OAuthError("invalid_request", "the resident app's own tokens are bound to no key: send no DPoP")
            renewed = await renew_session(refresh_token, state=state)
            return Tokens(
                access_token=renewed.access_token,
                refresh_token=renewed.refresh_token,
                expires_in=state["settings"].access_token_seconds,
            )
        return await _renewed_for(form, refresh_token, state)
    except SessionOver:
        raise OAuthError("invalid_grant", "the refresh token is no longer good; sign in again") from None


async def _renewed_for(form: Form, refresh_token: str, state: AppState) -> Tokens:
    client = await authenticated(form, state)
    renewed = await rotate(refresh_token, client_id=client.app_id, jkt=form.jkt, state=state)
    granted = await granted_scopes(renewed.resident_id, client.app_id)
    scopes = frozenset((renewed.scope or "").split()) & granted & scopes_of(client)
    return Tokens(
        access_token=resident_token(
            client,
            scopes,
            resident_id=renewed.resident_id,
            session_id=renewed.session_id,
            launch_id=uuid7(),  # each token is a look of its own in the ledger
            jkt=form.jkt,
            state=state,
        ),
        token_type=token_type(form.jkt),
        refresh_token=renewed.refresh_token,
        expires_in=state["settings"].access_token_seconds,
        scope=" ".join(sorted(scopes | {"openid"})),
    )

"""The token endpoint: which grant is asked for. What each of them gives stands in `grants/`."""

from collections.abc import Awaitable, Callable, Mapping

from app_server.authorization.devices import DEVICE_GRANT
from app_server.authorization.forms import Form
from app_server.authorization.grants.app import for_app
from app_server.authorization.grants.code import for_code
from app_server.authorization.grants.device import for_device
from app_server.authorization.grants.exchange import EXCHANGE, exchanged
from app_server.authorization.grants.refresh import renewed
from app_server.authorization.mistakes import claimed_client
from app_server.authorization.problems import OAuthError
from app_server.authorization.schemas import Tokens
from app_server.kernel.state import AppState

GRANTS: Mapping[str, Callable[[Form, AppState], Awaitable[Tokens]]] = {
    "authorization_code": for_code,
    "client_credentials": for_app,
    "refresh_token": renewed,
    DEVICE_GRANT: for_device,
    EXCHANGE: exchanged,
}


async def answer(form: Form, state: AppState) -> Tokens:
    """Tokens for what the form asks (RFC 6749 §3.2). Raises `OAuthError`."""
    asked = form.get("grant_type")
    if not asked:
        raise OAuthError("invalid_request", "grant_type is missing")
    grant = GRANTS.get(asked)
    if grant is None:
        raise OAuthError("unsupported_grant_type", f"use one of: {', '.join(GRANTS)}")
    issuer = state["settings"].base_url
    if form.get("resource") not in (None, "", issuer):  # RFC 8707 §2.2
        raise OAuthError("invalid_target", f"resource may be {issuer} and nothing else")
    client = state["ports"].clients.find(claimed_client(form))
    if client is not None and client.dpop_bound and form.jkt is None:
        raise OAuthError("invalid_request", "this client's tokens are bound to a key: send a DPoP header (RFC 9449)")
    return await grant(form, state)

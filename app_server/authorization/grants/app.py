"""Tokens for an app itself, with no resident (RFC 6749 §4.4)."""

from app_server.authorization.client_proof import proven_client, use_assertion
from app_server.authorization.forms import Form
from app_server.authorization.issuing import access_claims, token_type
from app_server.authorization.problems import OAuthError
from app_server.authorization.schemas import Tokens
from app_server.kernel.ports import Proof
from app_server.kernel.state import AppState
from app_server.kernel.tokens import sign
from app_server.kernel.unit_of_work import in_unit_of_work

APP_SCOPES = frozenset({"cards:issue", "notices:send"})  # what an app does by itself, for residents who allow it


async def for_app(form: Form, state: AppState) -> Tokens:
    """A token in which the app stands for itself. Raises `OAuthError`."""
    client, assertion = proven_client(form, state)
    if client.proof is Proof.NONE:
        raise OAuthError("unauthorized_client", "a client without a key acts for nobody but a resident")
    allowed = APP_SCOPES & {asked.scope for asked in client.scopes}
    asked = frozenset(form.get("scope", "").split()) or allowed
    if not asked <= allowed:
        raise OAuthError("invalid_scope", f"this client may have: {' '.join(sorted(allowed)) or 'none'}")
    if assertion is not None:
        await in_unit_of_work(use_assertion)(client, assertion)
    claims = access_claims(client, form.jkt, state) | {"sub": client.app_id, "scope": " ".join(sorted(asked))}
    return Tokens(
        access_token=sign(claims, typ="at+jwt", keys=state["keys"]),
        token_type=token_type(form.jkt),
        expires_in=state["settings"].access_token_seconds,
        scope=" ".join(sorted(asked)),
    )

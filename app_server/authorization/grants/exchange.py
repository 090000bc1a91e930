"""A token for who acts for another, in exchange for their own and the mandate (RFC 8693): for the resident app, which a
browser's cookie does not serve.

The mandate stands for the one acted for (`subject_token`), the resident's own token for who acts (`actor_token`). Only
those of the resident app are taken, and none that has `act` already: nobody acts for one who acts for another.
"""

from datetime import timedelta
from uuid import UUID

from app_server.authorization.access_tokens import bearer_of
from app_server.authorization.forms import Form
from app_server.authorization.issuing import acting_token
from app_server.authorization.problems import OAuthError, required
from app_server.authorization.schemas import Tokens
from app_server.identity.acting.capacity import act_for_another, resolve_acting
from app_server.identity.acting.problems import MandateNotInForce
from app_server.identity.service import FIRST_PARTY
from app_server.kernel.access import Resident
from app_server.kernel.state import AppState

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
MANDATE = "urn:banyan:token-type:mandate"


async def exchanged(form: Form, state: AppState) -> Tokens:
    """A token in which `sub` is the one acted for and `act` who acts: of no more scopes than any of the resident app's,
    of no longer life than the token that it was given for. Raises `OAuthError`.
    """
    _require_wish(form, state)
    bearer = bearer_of(required(form, "actor_token"), state)
    if bearer is None or not isinstance(bearer.principal, Resident) or bearer.principal.acting is not None:
        raise OAuthError("invalid_request", "actor_token must be a good access token of a resident's own, without act")
    me = bearer.principal
    life = timedelta(seconds=state["settings"].access_token_seconds)
    last = min(bearer.expires_at, state["clock"]() + life)
    try:
        mandate_id = UUID(required(form, "subject_token"))
        opened = await act_for_another(me.id, me.session_id, mandate_id, no_longer_than=last, state=state)
    except (ValueError, MandateNotInForce):
        words = "subject_token must be the id of a mandate of the actor's that is in force (RFC 8693 §2.2.2)"
        raise OAuthError("invalid_request", words) from None
    return Tokens(
        access_token=acting_token(await resolve_acting(opened.token, state), opened.expires_at, state),
        issued_token_type=ACCESS_TOKEN,
        expires_in=int((opened.expires_at - state["clock"]()).total_seconds()),
    )


def _require_wish(form: Form, state: AppState) -> None:
    if form.get("client_id", FIRST_PARTY) != FIRST_PARTY or "client_assertion" in form:
        raise OAuthError("unauthorized_client", "only the resident app exchanges tokens")
    if form.jkt is not None:
        raise OAuthError("invalid_request", "the resident app's own tokens are bound to no key: send no DPoP")
    for name, wanted in (("subject_token_type", MANDATE), ("actor_token_type", ACCESS_TOKEN)):
        if required(form, name) != wanted:
            raise OAuthError("invalid_request", f"{name} must be {wanted}")
    if form.get("requested_token_type", ACCESS_TOKEN) != ACCESS_TOKEN:
        raise OAuthError("invalid_request", f"requested_token_type can only be {ACCESS_TOKEN}")
    if form.get("scope"):
        raise OAuthError("invalid_scope", "the resident app's tokens have no scopes: the mandate says how far they go")
    if any(form.get(name, own) != own for name in ("resource", "audience") for own in [state["settings"].base_url]):
        raise OAuthError("invalid_target", "the token is for this city's own API and no other")

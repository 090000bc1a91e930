"""Giving tokens back, and asking about them (RFC 7009, RFC 7662): a client about its own, and no others."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from app_server.authorization.access_tokens import bearer_of
from app_server.authorization.client_proof import authenticated
from app_server.authorization.forms import Form
from app_server.authorization.issuing import token_type
from app_server.authorization.problems import OAuthError
from app_server.identity.service import FIRST_PARTY, end_session
from app_server.identity.sessions import sessions_of
from app_server.kernel.access import MiniApp
from app_server.kernel.crypto import token_hash
from app_server.kernel.ports import Proof
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import fetchrow

NOT_ACTIVE: Mapping[str, Any] = {"active": False}  # says nothing about why (RFC 7662 §2.2)
REFRESH_PREFIX = "br_"


async def revoke(form: Form, state: AppState) -> None:
    """End the session that the token belongs to, with all its tokens; nothing happens for any other token.

    A mini-app's launch is part of the resident's own session, which is not the mini-app's to end. A client that gives
    its own back is not told of it.
    """
    client_id, token = await _asked(form, state)
    if token.startswith(REFRESH_PREFIX):
        row = await _link(token, client_id)
        session_id: UUID | None = row["session_id"] if row else None
    else:
        session_id = await _own_session(token, client_id, state)
    if session_id is not None:
        told = client_id == FIRST_PARTY
        sessions_of(state).forget(await end_session(session_id, state=state, told=told))


async def introspect(form: Form, state: AppState) -> Mapping[str, Any]:
    """What the token is worth now, for the client that it was given to."""
    client_id, token = await _asked(form, state)
    client = state["ports"].clients.find(client_id)
    if client is None or client.proof is Proof.NONE:
        raise OAuthError("invalid_client", "a client without a key cannot ask about tokens", 401)
    if token.startswith(REFRESH_PREFIX):
        row = await _link(token, client_id)
        good = row and row["used_at"] is None and row["ended_at"] is None and row["expires_at"] > state["clock"]()
        return _active(client_id, row["scope"], row["expires_at"], row["dpop_jkt"]) if good else NOT_ACTIVE
    bearer = bearer_of(token, state)
    if bearer is None or not isinstance(bearer.principal, MiniApp) or bearer.principal.app_id != client_id:
        return NOT_ACTIVE
    told = _active(client_id, " ".join(sorted(bearer.principal.scopes)), bearer.expires_at, bearer.jkt)
    if bearer.principal.act_sub:
        told["act"] = {"sub": bearer.principal.act_sub}
    return told | ({"sub": bearer.principal.sub} if bearer.principal.sub else {})


def _active(client_id: str, scope: str | None, expires_at: datetime, jkt: str | None) -> dict[str, Any]:
    exp = int(expires_at.timestamp())
    told = {"active": True, "client_id": client_id, "scope": scope or "", "exp": exp, "token_type": token_type(jkt)}
    return told | ({"cnf": {"jkt": jkt}} if jkt else {})  # RFC 9449 §6.2


async def _asked(form: Form, state: AppState) -> tuple[str, str]:
    """Who asks, proven, and about which token."""
    token = form.get("token")
    if form.get("client_id") == FIRST_PARTY and "client_assertion" not in form and form.secret is None:
        client_id = FIRST_PARTY
    else:
        client_id = (await authenticated(form, state)).app_id
    if not token:
        raise OAuthError("invalid_request", "token is missing")
    return client_id, token


async def _link(token: str, client_id: str) -> Any:
    """The refresh token with its session, if they are this client's."""
    return await fetchrow(
        "SELECT t.session_id, t.used_at, s.ended_at, s.expires_at, s.scope, s.dpop_jkt FROM core_refresh_token t"
        " JOIN core_session s ON s.id = t.session_id WHERE t.token_hash = $1 AND s.client_id IS NOT DISTINCT FROM $2",
        token_hash(token),
        None if client_id == FIRST_PARTY else client_id,
    )


async def _own_session(token: str, client_id: str, state: AppState) -> UUID | None:
    bearer = bearer_of(token, state)
    if bearer is None or bearer.session_id is None:
        return None
    whose = bearer.principal.app_id if isinstance(bearer.principal, MiniApp) else FIRST_PARTY
    row = await fetchrow("SELECT client_id FROM core_session WHERE id = $1", bearer.session_id)
    own = row is not None and (row["client_id"] or FIRST_PARTY) == whose == client_id
    return bearer.session_id if own else None

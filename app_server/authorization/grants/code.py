"""Tokens for a code: of a launch, or of a sign-in with a registered client (RFC 6749 §4.1, RFC 7636)."""

import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from app_server.authorization.client_proof import proven_client, used_before
from app_server.authorization.forms import Form
from app_server.authorization.issuing import id_token, resident_token, scopes_of, token_type
from app_server.authorization.problems import OAuthError, required
from app_server.authorization.redeeming import (
    AssertionUsed,
    RedeemedCode,
    Redemption,
    Redemptions,
    redeemed_before,
)
from app_server.authorization.schemas import Tokens
from app_server.authorization.telling import told
from app_server.identity.refresh import GRACE
from app_server.identity.service import end_session
from app_server.identity.sessions import sessions_of
from app_server.kernel.crypto import token_hash
from app_server.kernel.ports import Client, Proof
from app_server.kernel.state import AppState
from app_server.kernel.tokens import VerifiedClaims
from app_server.kernel.unit_of_work import fetchrow

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


async def for_code(form: Form, state: AppState) -> Tokens:
    """Trade the code; a retry within `GRACE` gets the same session and refresh token. Raises `OAuthError`."""
    client, assertion = proven_client(form, state)
    challenge = challenge_of(required(form, "code_verifier"))
    code, redirect_uri = required(form, "code"), required(form, "redirect_uri")
    return await traded(
        client, assertion, code=code, redirect_uri=redirect_uri, challenge=challenge, jkt=form.jkt, state=state
    )


def challenge_of(verifier: str) -> str:
    """The S256 challenge that the verifier answers (RFC 7636 §4.6). Raises `OAuthError`."""
    if not _VERIFIER.fullmatch(verifier):
        words = "code_verifier must have 43 to 128 characters of A-Z a-z 0-9 - . _ ~ (RFC 7636 §4.1)"
        raise OAuthError("invalid_request", words)
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


async def traded(
    client: Client,
    assertion: VerifiedClaims | None,
    *,
    code: str,
    redirect_uri: str,
    challenge: str,
    jkt: str | None,
    state: AppState,
) -> Tokens:
    """Tokens for a code of this client's, place and PKCE challenge: one session, however often within `GRACE`; bound to
    the key of that thumbprint, if any.

    Raises `OAuthError`.
    """
    refresh_token, code_hash = _refresh_token(code, state), token_hash(code)
    redeemed = await _redeem(client, assertion, code_hash, redirect_uri, challenge, refresh_token, jkt, state)
    if redeemed is None:
        await _stop_reuse(client, code_hash, state)
        raise OAuthError("invalid_grant", "the code is used, expired, or of another client, place, verifier or key")
    scopes = redeemed.granted & scopes_of(client)
    if redeemed.asked is not None:
        scopes &= redeemed.asked
    told_here: Mapping[str, object] = {}
    if redeemed.id_token_claims:
        told_here = await told(
            client,
            redeemed.resident_id,
            scopes,
            launch_id=redeemed.launch_id,
            claims=redeemed.id_token_claims,
            state=state,
        )
    return Tokens(
        access_token=resident_token(
            client,
            scopes,
            resident_id=redeemed.resident_id,
            session_id=redeemed.session_id,
            launch_id=redeemed.launch_id,
            jkt=jkt,
            mandate=redeemed.mandate,
            state=state,
        ),
        token_type=token_type(jkt),
        id_token=await id_token(client, redeemed, state, told_here),
        refresh_token=refresh_token if redeemed.lasting else None,
        expires_in=state["settings"].access_token_seconds,
        scope=" ".join(sorted(scopes | {"openid"})),
    )


async def _redeem(
    client: Client,
    assertion: VerifiedClaims | None,
    code_hash: str,
    redirect_uri: str,
    challenge: str,
    refresh_token: str,
    jkt: str | None,
    state: AppState,
) -> RedeemedCode | None:
    redemptions: Redemptions = state["redemptions"]  # type: ignore[typeddict-item]
    if not redirect_uri.isprintable():
        return None
    redemption = Redemption(
        app_id=client.app_id,
        jti=assertion["jti"] if assertion else None,
        assertion_expires_at=datetime.fromtimestamp(assertion["exp"], UTC) if assertion else None,
        code_hash=code_hash,
        redirect_uri=redirect_uri,
        code_challenge=challenge,
        refresh_hash=token_hash(refresh_token),
        jkt=jkt,
        grant_jkt=jkt if client.proof is Proof.NONE else None,
        grant_expires_at=state["clock"]() + timedelta(days=state["settings"].session_days),
        at=state["clock"](),
    )
    try:
        return await redemptions(redemption) or await redeemed_before(redemption)
    except AssertionUsed:
        raise used_before() from None


def _refresh_token(code: str, state: AppState) -> str:
    """What follows from the code and a key of ours: a retry gets the same, and it is kept nowhere."""
    derived = state["keys"].blind_index("code.refresh", code)
    return f"br_{base64.urlsafe_b64encode(derived).rstrip(b'=').decode()}"


async def _stop_reuse(client: Client, code_hash: str, state: AppState) -> None:
    """End what a registered client got for a code that comes again later (RFC 6749 §4.1.2); at once, it is haste."""
    row = await fetchrow(
        "SELECT launch_id FROM core_launch_code"
        " WHERE code_hash = $1 AND app_id = $2 AND scope IS NOT NULL AND used_at < $3",
        code_hash,
        client.app_id,
        state["clock"]() - GRACE,
    )
    if row is not None:
        sessions_of(state).forget(await end_session(row["launch_id"], state=state))

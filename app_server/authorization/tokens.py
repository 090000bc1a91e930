"""The token endpoint's thinking: who the client is, and which tokens it gets."""

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app_server.authorization.problems import OAuthError
from app_server.authorization.redeeming import AssertionUsed, RedeemedCode, Redemption, Redemptions
from app_server.authorization.schemas import Tokens
from app_server.authorization.service import granted_scopes, remember_assertion, subject_of
from app_server.identity.models import SignInMethod
from app_server.identity.problems import SessionOver
from app_server.identity.profiles import locale_of
from app_server.identity.refresh import GRACE, renew_session, rotate
from app_server.identity.service import FIRST_PARTY, end_session, new_secret
from app_server.identity.sessions import sessions_of
from app_server.kernel.access import MiniApp, Resident
from app_server.kernel.crypto import token_hash
from app_server.kernel.ids import uuid7, uuid7_text
from app_server.kernel.ports import Client, Proof
from app_server.kernel.state import AppState
from app_server.kernel.tokens import Expectation, TokenRefused, VerifiedClaims, sign, unverified_subject, verify
from app_server.kernel.unit_of_work import fetchrow, in_unit_of_work

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523 §2.2
ASSERTION_LIFE = 3600  # seconds: the most that `exp` of an assertion may lie after its `iat`; it is good once
APP_SCOPES = frozenset({"cards:issue", "notices:send"})  # what an app does by itself, for residents who allow it
ASSURANCE = {  # `acr` of a sign-in: what it proved
    SignInMethod.OTP: "urn:banyan:acr:phone",
    SignInMethod.PASSKEY: "urn:banyan:acr:passkey",
}


async def answer(form: Mapping[str, str], state: AppState) -> Tokens:
    """Tokens for what the form asks (RFC 6749 §3.2). Raises `OAuthError`."""
    match form.get("grant_type"):
        case "authorization_code":
            return await _for_code(form, state)
        case "client_credentials":
            return await _for_app(form, state)
        case "refresh_token":
            return await _renewed(form, state)
        case None:
            raise OAuthError("invalid_request", "grant_type is missing")
        case _:
            raise OAuthError("unsupported_grant_type", "use authorization_code, client_credentials or refresh_token")


async def _for_code(form: Mapping[str, str], state: AppState) -> Tokens:
    client, assertion = _client(form, state)
    verifier = _field(form, "code_verifier")
    if not 43 <= len(verifier) <= 128 or not verifier.isascii():
        raise OAuthError("invalid_request", "code_verifier must have 43 to 128 characters (RFC 7636 §4.1)")
    refresh_token = new_secret("br")
    redeemed = await _redeem(client, assertion, form, verifier, refresh_token, state)
    if redeemed is None:
        await _stop_reuse(client, token_hash(_field(form, "code")), state)
        raise OAuthError("invalid_grant", "the code is used, expired, or of another client, place or verifier")
    scopes = redeemed.granted & scopes_of(client)
    if redeemed.asked is not None:
        scopes &= redeemed.asked
    return Tokens(
        access_token=resident_token(
            client,
            scopes,
            resident_id=redeemed.resident_id,
            session_id=redeemed.session_id,
            launch_id=redeemed.launch_id,
            state=state,
        ),
        id_token=await _id_token(client, redeemed, state),
        refresh_token=refresh_token if redeemed.lasting else None,
        expires_in=state["settings"].access_token_seconds,
        scope=" ".join(sorted(scopes | {"openid"})),
    )


async def _redeem(
    client: Client,
    assertion: VerifiedClaims | None,
    form: Mapping[str, str],
    verifier: str,
    refresh_token: str,
    state: AppState,
) -> RedeemedCode | None:
    redemptions: Redemptions = state["redemptions"]  # type: ignore[typeddict-item]
    redirect_uri = _field(form, "redirect_uri")
    if not redirect_uri.isprintable():
        return None
    redemption = Redemption(
        app_id=client.app_id,
        jti=assertion["jti"] if assertion else None,
        assertion_expires_at=datetime.fromtimestamp(assertion["exp"], UTC) if assertion else None,
        code_hash=token_hash(_field(form, "code")),
        redirect_uri=redirect_uri,
        code_challenge=_b64(hashlib.sha256(verifier.encode()).digest()),
        refresh_hash=token_hash(refresh_token),
        grant_expires_at=state["clock"]() + timedelta(days=state["settings"].session_days),
        at=state["clock"](),
    )
    try:
        return await redemptions(redemption)
    except AssertionUsed:
        raise _used_before() from None


async def _for_app(form: Mapping[str, str], state: AppState) -> Tokens:
    client, assertion = _client(form, state)
    if assertion is None:
        raise OAuthError("unauthorized_client", "a client without a key acts for nobody but a resident")
    allowed = APP_SCOPES & {asked.scope for asked in client.scopes}
    asked = frozenset(form.get("scope", "").split()) or allowed
    if not asked <= allowed:
        raise OAuthError("invalid_scope", f"this client may have: {' '.join(sorted(allowed)) or 'none'}")
    await in_unit_of_work(_use_assertion)(client, assertion)
    claims = _claims(client, state) | {"sub": client.app_id, "scope": " ".join(sorted(asked))}
    return Tokens(
        access_token=sign(claims, typ="at+jwt", keys=state["keys"]),
        expires_in=state["settings"].access_token_seconds,
        scope=" ".join(sorted(asked)),
    )


async def _renewed(form: Mapping[str, str], state: AppState) -> Tokens:
    refresh_token = _field(form, "refresh_token")
    try:
        if form.get("client_id", FIRST_PARTY) == FIRST_PARTY and "client_assertion" not in form:
            renewed = await renew_session(refresh_token, state=state)
            return Tokens(
                access_token=renewed.access_token,
                refresh_token=renewed.refresh_token,
                expires_in=state["settings"].access_token_seconds,
            )
        return await _renewed_for(form, refresh_token, state)
    except SessionOver:
        raise OAuthError("invalid_grant", "the refresh token is no longer good; sign in again") from None


async def _renewed_for(form: Mapping[str, str], refresh_token: str, state: AppState) -> Tokens:
    client = await authenticated(form, state)
    renewed = await rotate(refresh_token, client_id=client.app_id, state=state)
    granted = await granted_scopes(renewed.resident_id, client.app_id)
    scopes = frozenset((renewed.scope or "").split()) & granted & scopes_of(client)
    return Tokens(
        access_token=resident_token(
            client,
            scopes,
            resident_id=renewed.resident_id,
            session_id=renewed.session_id,
            launch_id=uuid7(),  # each token is a look of its own in the ledger
            state=state,
        ),
        refresh_token=renewed.refresh_token,
        expires_in=state["settings"].access_token_seconds,
        scope=" ".join(sorted(scopes | {"openid"})),
    )


def scopes_of(client: Client) -> frozenset[str]:
    """What the client asks for today; it may have asked for more once."""
    return frozenset({"openid"} | {asked.scope for asked in client.scopes})


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


async def authenticated(form: Mapping[str, str], state: AppState) -> Client:
    """The client, proven; its assertion is used up. Raises `OAuthError`."""
    client, assertion = _client(form, state)
    if assertion is not None:
        await in_unit_of_work(_use_assertion)(client, assertion)
    return client


def resident_token(
    client: Client,
    scopes: frozenset[str],
    *,
    resident_id: UUID,
    session_id: UUID,
    launch_id: UUID,
    state: AppState,
) -> str:
    """An access token (RFC 9068). Who the resident is stands in it sealed, so that the client learns only `sub`."""
    sealed = state["keys"].seal("token.resident", str(resident_id))
    claims = _claims(client, state) | {
        "sub": subject_of(client, resident_id, state["keys"]),
        "scope": " ".join(sorted(scopes)),
        "sid": str(session_id),
        "launch_id": str(launch_id),
        "ctx": _b64(sealed),
    }
    return sign(claims, typ="at+jwt", keys=state["keys"])


def principal_of(claims: VerifiedClaims, state: AppState) -> Resident | MiniApp:
    """The caller that one of our access tokens stands for."""
    if claims["client_id"] == FIRST_PARTY:
        return Resident(
            id=UUID(claims["sub"]),
            session_id=UUID(claims["sid"]),
            roles=frozenset(claims["roles"]),
            organisation_id=UUID(claims["org"]) if claims["org"] else None,
        )
    sealed = claims.get("ctx")
    return MiniApp(
        app_id=claims["client_id"],
        scopes=frozenset(claims["scope"].split()),
        sub=claims["sub"] if sealed else None,
        resident_id=UUID(state["keys"].open("token.resident", _unb64(sealed))) if sealed else None,
        launch_id=UUID(claims["launch_id"]) if sealed else None,
    )


def _client(form: Mapping[str, str], state: AppState) -> tuple[Client, VerifiedClaims | None]:
    """The client, proven by a signed assertion (private_key_jwt, OpenID Connect Core §9), or one that has no key."""
    public = state["ports"].clients.find(form.get("client_id", ""))
    if public is not None and public.proof is Proof.NONE:
        if "client_assertion" in form:
            raise OAuthError("invalid_client", "this client has no key registered; leave client_assertion out", 401)
        return public, None
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise OAuthError("invalid_client", f"client_assertion_type must be {ASSERTION_TYPE}", 401)
    token = _field(form, "client_assertion")
    try:
        app_id = form.get("client_id") or unverified_subject(token)
    except TokenRefused as reason:
        raise OAuthError("invalid_client", f"client_assertion: {reason}", 401) from None
    client = state["ports"].clients.find(app_id)
    if client is None:
        raise OAuthError("invalid_client", "there is no such client, or it is suspended", 401)
    issuer = state["settings"].base_url
    expected = Expectation(
        typ=None,
        issuer=app_id,
        audience=issuer,
        audience_also=(f"{issuer}/oauth/token",),  # what OpenID Connect Core §9 says; RFC 7523bis says the issuer
        required=("iss", "sub", "aud", "exp", "iat", "jti"),
    )
    try:
        claims = verify(token, expected, client.public_keys, state["clock"]())
    except TokenRefused as reason:
        raise OAuthError("invalid_client", f"client_assertion: {reason}", 401) from None
    jti = claims["jti"]
    if claims["sub"] != app_id or not isinstance(jti, str) or not (8 <= len(jti) <= 128 and jti.isprintable()):
        words = "client_assertion: sub must be the client, jti 8 to 128 printable characters"
        raise OAuthError("invalid_client", words, 401)
    if claims["exp"] - claims["iat"] > ASSERTION_LIFE:
        raise OAuthError("invalid_client", f"client_assertion: exp may be {ASSERTION_LIFE} s after iat at most", 401)
    return client, claims


async def _use_assertion(client: Client, assertion: VerifiedClaims) -> None:
    if not await remember_assertion(client.app_id, assertion["jti"], datetime.fromtimestamp(assertion["exp"], UTC)):
        raise _used_before()


def _used_before() -> OAuthError:
    return OAuthError("invalid_client", "client_assertion: this jti was used before; sign a new assertion", 401)


async def _id_token(client: Client, code: RedeemedCode, state: AppState) -> str:
    claims = _claims(client, state) | {
        "sub": subject_of(client, code.resident_id, state["keys"]),
        "aud": client.app_id,
        "locale": await locale_of(code.resident_id, state=state),
        "acr": ASSURANCE[code.method],
        "auth_time": int(code.signed_in_at.timestamp()),
    }
    nonce = str(code.launch_id) if code.asked is None else code.nonce
    if nonce is not None:
        claims["nonce"] = nonce
    return sign(claims, typ="JWT", keys=state["keys"])


def _claims(client: Client, state: AppState) -> dict[str, object]:
    issuer, now = state["settings"].base_url, int(state["clock"]().timestamp())
    return {
        "iss": issuer,
        "aud": issuer,
        "client_id": client.app_id,
        "iat": now,
        "exp": now + state["settings"].access_token_seconds,
        "jti": uuid7_text(),
    }


def _field(form: Mapping[str, str], name: str) -> str:
    value = form.get(name)
    if not value:
        raise OAuthError("invalid_request", f"{name} is missing")
    return value


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

"""Who the client is: a signed assertion (private_key_jwt, OpenID Connect Core §9), a secret, or PKCE alone."""

from datetime import UTC, datetime

from app_server.authorization.client_secrets import proves
from app_server.authorization.forms import Form
from app_server.authorization.problems import OAuthError, required
from app_server.kernel.ids import uuid7
from app_server.kernel.ports import Client, Proof
from app_server.kernel.state import AppState
from app_server.kernel.tokens import Expectation, TokenRefused, VerifiedClaims, unverified_subject, verify
from app_server.kernel.unit_of_work import execute, in_unit_of_work

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523 §2.2
ASSERTION_LIFE = 3600  # seconds: the most that `exp` of an assertion may lie after its `iat`; it is good once


async def authenticated(form: Form, state: AppState) -> Client:
    """The client, proven; its assertion is used up. Raises `OAuthError`."""
    client, assertion = proven_client(form, state)
    if assertion is not None:
        await in_unit_of_work(use_assertion)(client, assertion)
    return client


def proven_client(form: Form, state: AppState) -> tuple[Client, VerifiedClaims | None]:
    """The client, proven by a signed assertion, which is not used up yet, or by a secret; or one that has no key."""
    if form.secret is not None:
        client = state["ports"].clients.find(form["client_id"])
        if client is None or not proves(client, form.secret):
            raise OAuthError("invalid_client", "there is no such client, or the secret is not one of its", 401)
        return client, None
    public = state["ports"].clients.find(form.get("client_id", ""))
    if public is not None and public.proof is Proof.NONE:
        if "client_assertion" in form:
            raise OAuthError("invalid_client", "this client has no key registered; leave client_assertion out", 401)
        return public, None
    if public is not None and public.proof is Proof.CLIENT_SECRET_BASIC:
        raise OAuthError("invalid_client", "this client proves itself by its secret, in Authorization: Basic", 401)
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise OAuthError("invalid_client", f"client_assertion_type must be {ASSERTION_TYPE}", 401)
    token = required(form, "client_assertion")
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


async def use_assertion(client: Client, assertion: VerifiedClaims) -> None:
    """Use the assertion up, in the caller's unit of work. Raises `OAuthError` when it was used before."""
    first = await execute(
        "INSERT INTO core_used_assertion (id, app_id, jti, expires_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (app_id, jti) DO NOTHING",
        uuid7(),
        client.app_id,
        assertion["jti"],
        datetime.fromtimestamp(assertion["exp"], UTC),
    )
    if not first:
        raise used_before()


def used_before() -> OAuthError:
    """What a client hears whose assertion comes again."""
    return OAuthError("invalid_client", "client_assertion: this jti was used before; sign a new assertion", 401)

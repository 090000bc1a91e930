"""Consents, the token endpoint, and what is published about them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from starlette.responses import Response

from app_server.authorization import devices, requests, revoking, service, tokens
from app_server.authorization.asking import AskedWrong, NotProven, ResponseMode
from app_server.authorization.asking import read as read_question
from app_server.authorization.claims import CLAIMS, TRUST_FRAMEWORK, VERIFIED
from app_server.authorization.client_proof import authenticated
from app_server.authorization.client_routes import client_routes
from app_server.authorization.client_secrets import CHALLENGE, WRONG_ONES, tries_basic
from app_server.authorization.forms import Form
from app_server.authorization.forms import read as read_request
from app_server.authorization.grants.app import APP_SCOPES
from app_server.authorization.hints import hinted
from app_server.authorization.logout_routes import logout_routes
from app_server.authorization.mistakes import claimed_client, note
from app_server.authorization.problems import ConsentWithdrawn, DeviceCodeOver, OAuthError, ScopeUnknown
from app_server.authorization.proofs import nonce_now
from app_server.authorization.schemas import (
    Consents,
    ConsentView,
    DeviceAuthorization,
    GiveConsent,
    PushedRequest,
    TokenRefusal,
    Tokens,
    TokenState,
    UserInfo,
)
from app_server.authorization.telling import CHECKS, DOCUMENTS, records, told
from app_server.authorization.views import purpose_of, text_of
from app_server.identity import assurance
from app_server.identity.cookies import client_address
from app_server.identity.profiles import locale_of
from app_server.identity.proofing.levels import Method
from app_server.kernel.access import Anonymous, MiniApp, OnBehalf, Resident, access, actor, require_service
from app_server.kernel.drawing import svg
from app_server.kernel.idempotency import idempotent
from app_server.kernel.key_times import cached_for
from app_server.kernel.languages import LANGUAGES, language_of
from app_server.kernel.limits import limit
from app_server.kernel.ports import Proof
from app_server.kernel.problems import BadCursor, NotFound, TooManyRequests
from app_server.kernel.routing import Route, delete, describe, get, post
from app_server.kernel.schemas import no_content, page_request, read, reply
from app_server.kernel.state import AppRequest, AppState

SIGNING = ["ES256", "Ed25519", "EdDSA"]  # of what clients sign; RFC 9864 gave the last one the second name
# A device hears how it stands, and a client the first nonce.
NO_MISTAKE = frozenset({"authorization_pending", "access_denied", "expired_token", "use_dpop_nonce"})
FORM = ("application/x-www-form-urlencoded",)
REFUSALS = {400: TokenRefusal, 401: TokenRefusal}


@access(Anonymous)
@describe(reply=Tokens, body_media_types=FORM, refusals=REFUSALS, problems=(TooManyRequests,))
async def token(request: AppRequest) -> Response:
    """Exchange a code, a client's own proof, or a refresh token for tokens (RFC 6749)."""
    return await _answered(request, _tokens)


@access(Anonymous)
@describe(body_media_types=FORM, refusals=REFUSALS, problems=(TooManyRequests,))
async def revoke_token(request: AppRequest) -> Response:
    """A client gives back a token, and all that belongs to it (RFC 7009)."""
    return await _answered(request, _revoked)


@access(Anonymous)
@describe(reply=TokenState, body_media_types=FORM, refusals=REFUSALS, problems=(TooManyRequests,))
async def introspect_token(request: AppRequest) -> Response:
    """Whether a token of the client's own is good now, and for what (RFC 7662)."""
    return await _answered(request, revoking.introspect)


@access(Anonymous)
@describe(reply=PushedRequest, status=201, body_media_types=FORM, refusals=REFUSALS, problems=(TooManyRequests,))
async def push_request(request: AppRequest) -> Response:
    """A client sends what it asks by itself, and its browser only a name for it (RFC 9126)."""
    await requests.spare(client_address(request), state=request.state)
    return await _answered(request, _pushed, status=201)


@access(Anonymous)
@describe(reply=DeviceAuthorization, body_media_types=FORM, refusals=REFUSALS, problems=(TooManyRequests,))
async def authorize_device(request: AppRequest) -> Response:
    """A screen asks a resident to decide on her phone (RFC 8628)."""
    address = client_address(request)
    await requests.spare(address, state=request.state)

    async def begun(form: Form, state: AppState) -> Mapping[str, Any]:
        client = await authenticated(form, state)
        asked = await devices.begin(client, form, address=address, state=state)
        return devices.answer(asked, base_url=state["settings"].base_url)

    return await _answered(request, begun)


@access(Anonymous)
@describe(media_type="image/svg+xml", problems=(DeviceCodeOver, TooManyRequests))
async def device_qr(request: AppRequest) -> Response:
    """The QR code that a screen shows: its `verification_uri_complete`, black on white."""
    await requests.spare(client_address(request), state=request.state)
    name, base = request.path_params["name"], request.state["settings"].base_url
    await devices.asks(name, state=request.state)
    return Response(svg(f"{base}/device/{name}"), media_type="image/svg+xml", headers={"cache-control": "no-store"})


OAuthAnswer = Callable[[Form, AppState], Awaitable[Mapping[str, Any]]]


async def _answered(request: AppRequest, answer: OAuthAnswer, status: int = 200) -> Response:
    """The answer, or its refusal in the form of RFC 6749 §5.2."""
    form, state = Form(), request.state
    headers = {"dpop-nonce": nonce_now(state)} if "dpop" in request.headers else {}
    try:
        await read_request(request, form)
        return reply(await answer(form, state), status=status, headers={"pragma": "no-cache", **headers})
    except OAuthError as refused:
        error, description = refused.error, refused.description
        if error not in NO_MISTAKE:
            note(claimed_client(form), endpoint=request.url.path, error=error, description=description, state=state)
        if error == "invalid_client" and tries_basic(request):
            await limit(state["redis"], "client_secret", client_address(request), WRONG_ONES)
            headers["www-authenticate"] = CHALLENGE
        return reply({"error": error, "error_description": description}, status=refused.status, headers=headers)


async def _tokens(form: Form, state: AppState) -> Mapping[str, Any]:
    return (await tokens.answer(form, state)).model_dump(exclude_none=True)


async def _pushed(form: Form, state: AppState) -> Mapping[str, Any]:
    client = await authenticated(form, state)
    try:
        find, hints, issuer = state["ports"].clients.find, partial(hinted, state=state), state["settings"].base_url
        asked, asking = read_question(list(form.items()), find, hints, issuer=issuer)
    except NotProven as reason:
        raise OAuthError("invalid_request", str(reason)) from None
    except AskedWrong as wrong:
        raise OAuthError(wrong.error, wrong.description) from None
    if asking.app_id != client.app_id:
        raise OAuthError("invalid_request", "client_id is another client's")
    if form.jkt is not None:
        if asked.dpop_jkt not in (None, form.jkt):
            raise OAuthError("invalid_dpop_proof", "dpop_jkt is not the thumbprint of the key that is proven")
        asked = replace(asked, dpop_jkt=form.jkt)  # RFC 9449 §10.1
    request_uri = await requests.push(asked, state=state)
    return {"request_uri": request_uri, "expires_in": int(requests.PUSHED_LIFE.total_seconds())}


async def _revoked(form: Form, state: AppState) -> Mapping[str, Any]:
    await revoking.revoke(form, state)
    return {}


@access(MiniApp)
@describe(reply=UserInfo, problems=(ConsentWithdrawn,))
async def userinfo(request: AppRequest) -> Response:
    """What the app may know of the resident; each look goes into the resident's ledger first."""
    app = actor(request, MiniApp)
    if app.resident_id is None or app.sub is None:
        raise ConsentWithdrawn("This token is the app's own. Use the one of a resident's launch.")
    return reply((await _look(request, app, app.resident_id, app.sub)).model_dump(exclude_none=True))


async def _look(request: AppRequest, app: MiniApp, resident_id: UUID, sub: str) -> UserInfo:
    state = request.state
    locale, client = await locale_of(resident_id, state=state), state["ports"].clients.find(app.app_id)
    if client is None:
        return UserInfo(sub=sub, locale=locale)
    found = await told(client, resident_id, app.scopes, launch_id=app.launch_id, mandate_id=app.mandate_id, state=state)
    return UserInfo(sub=sub, locale=locale, **found)


@access(Resident, on_behalf=OnBehalf(what="consent", acts=True, by_service=True))
@idempotent()
@describe(body=GiveConsent, status=201, reply=Consents, problems=(NotFound, ScopeUnknown))
async def give_consent(request: AppRequest) -> Response:
    """Allow a mini-app some of what it asks for."""
    asked = await read(request, GiveConsent)
    client = request.state["ports"].clients.find(asked.app_id)
    if client is None:
        raise NotFound()
    require_service(actor(request, Resident), client.app_id)
    await service.give_consent(actor(request, Resident).id, client, asked.scopes, state=request.state)
    return reply(await _consents(request), status=201)


@access(Resident, on_behalf=OnBehalf(what="consents"))
@describe(reply=Consents, query=("cursor", "limit"), problems=(BadCursor,))
async def list_consents(request: AppRequest) -> Response:
    """What the resident allows, and to whom."""
    return reply(await _consents(request))


@access(Resident, on_behalf=OnBehalf(what="consent", acts=True))
@describe(status=204)
async def withdraw_consent(request: AppRequest) -> Response:
    """Take one scope back; the app hears of it and its access ends at once."""
    consent_id: UUID = request.path_params["consent_id"]
    await service.withdraw_consent(actor(request, Resident).id, consent_id, state=request.state)
    return no_content()


@access(Anonymous)
@describe()
async def discovery(request: AppRequest) -> Response:
    """The provider's metadata (OpenID Connect Discovery §3, RFC 8414)."""
    base = request.state["settings"].base_url
    return reply(
        {
            "issuer": base,
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/oauth/token",
            "userinfo_endpoint": f"{base}/oauth/userinfo",
            "pushed_authorization_request_endpoint": f"{base}/oauth/par",
            "require_pushed_authorization_requests": False,
            "revocation_endpoint": f"{base}/oauth/revoke",
            "device_authorization_endpoint": f"{base}/oauth/device_authorization",
            "introspection_endpoint": f"{base}/oauth/introspect",
            "end_session_endpoint": f"{base}/end-session",
            "backchannel_logout_supported": True,
            "backchannel_logout_session_supported": True,
            "frontchannel_logout_supported": False,
            "frontchannel_logout_session_supported": False,
            "jwks_uri": f"{base}/.well-known/jwks.json",
            "scopes_supported": [
                "openid",
                "profile",
                "phone",
                "offline_access",
                "profile:read",
                *sorted(APP_SCOPES),
            ],
            "response_types_supported": ["code"],
            "response_modes_supported": [mode.value for mode in ResponseMode],
            "grant_types_supported": list(tokens.GRANTS),
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "token_endpoint_auth_methods_supported": [proof.value for proof in Proof],
            "revocation_endpoint_auth_methods_supported": [proof.value for proof in Proof],
            "introspection_endpoint_auth_methods_supported": [
                proof.value for proof in Proof if proof is not Proof.NONE
            ],
            "token_endpoint_auth_signing_alg_values_supported": SIGNING,
            "revocation_endpoint_auth_signing_alg_values_supported": SIGNING,
            "introspection_endpoint_auth_signing_alg_values_supported": SIGNING,
            "dpop_signing_alg_values_supported": SIGNING,
            "code_challenge_methods_supported": ["S256"],
            "prompt_values_supported": ["none", "login", "consent", "select_account"],
            "claims_supported": [
                *("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid"),
                *("locale", *(claim for claim in CLAIMS if claim not in VERIFIED.values())),
            ],
            "acr_values_supported": list(assurance.LEVELS),
            "ui_locales_supported": list(LANGUAGES),
            "authorization_response_iss_parameter_supported": True,
            "claims_parameter_supported": True,
            "verified_claims_supported": True,
            "trust_frameworks_supported": [TRUST_FRAMEWORK],
            "evidence_supported": ["document", "electronic_record"],
            "documents_supported": sorted(DOCUMENTS.values()),
            "documents_check_methods_supported": [CHECKS[Method.COUNTER]],
            "electronic_records_supported": records(request.state),
            "claims_in_verified_claims_supported": list(VERIFIED),
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
        },
        headers={"cache-control": "public, max-age=300"},
    )


@access(Anonymous)
@describe()
async def jwks(request: AppRequest) -> Response:
    """The city's public keys (RFC 7517)."""
    most = cached_for(timedelta(seconds=request.state["settings"].key_lead_seconds))
    headers = {"cache-control": f"public, max-age={int(most.total_seconds())}"}
    return reply(request.state["keys"].public_jwks(), headers=headers)


async def _consents(request: AppRequest) -> Consents:
    page = page_request(request)
    rows = await service.consents_of(actor(request, Resident).id, page)
    language, clients = language_of(request), request.state["ports"].clients
    shown, following = page.part(rows, "id")
    items = []
    for row in shown:
        client = clients.find(row["app_id"])
        items.append(
            ConsentView(
                id=row["id"],
                app_id=row["app_id"],
                app_name=text_of(client.name, language) if client else row["app_id"],
                scope=row["scope"],
                purpose=purpose_of(client, row["scope"], language) if client else "",
                granted_at=row["granted_at"],
            )
        )
    return Consents(items=items, next=following)


routes: list[Route] = [
    post("/oauth/token", token, cross_origin=True),
    post("/oauth/par", push_request, cross_origin=True),
    post("/oauth/device_authorization", authorize_device),
    get("/oauth/device_authorization/{name}/qr", device_qr),
    post("/oauth/revoke", revoke_token, cross_origin=True),
    post("/oauth/introspect", introspect_token),
    get("/oauth/userinfo", userinfo, cross_origin=True),
    post("/oauth/userinfo", userinfo, cross_origin=True),
    post("/v1/consents", give_consent),
    get("/v1/consents", list_consents),
    delete("/v1/consents/{consent_id:uuid}", withdraw_consent),
    get("/.well-known/openid-configuration", discovery, cross_origin=True),
    get("/.well-known/oauth-authorization-server", discovery, cross_origin=True),
    get("/.well-known/jwks.json", jwks, cross_origin=True),
    *client_routes,
    *logout_routes,
]

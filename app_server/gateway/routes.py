"""The gateway over HTTP: about a mini-app, its icon, and opening it."""

from banyan_sdk.manifest import in_language
from starlette.responses import Response

from app_server.authorization.problems import ConsentRequired
from app_server.authorization.service import granted_scopes
from app_server.gateway.icons import icons_of
from app_server.gateway.launch import launch
from app_server.gateway.problems import MiniAppBusy, MiniAppSuspended, MiniAppUnavailable
from app_server.gateway.schemas import (
    Contact,
    Launched,
    LaunchedApp,
    LaunchMode,
    LaunchRequest,
    LaunchResponse,
    MiniAppDetail,
    ScopeShown,
)
from app_server.kernel.access import FRAME, Anonymous, OnBehalf, Resident, access, actor
from app_server.kernel.languages import language_of
from app_server.kernel.problems import ValidationFailed
from app_server.kernel.routing import describe, get, post
from app_server.kernel.schemas import read, reply
from app_server.kernel.state import AppRequest
from app_server.registry.problems import MiniAppUnknown
from app_server.registry.published import PublishedListing, listings
from app_server.registry.routes import summary


@access(Resident, Anonymous, on_behalf=FRAME)
@describe(reply=MiniAppDetail, problems=(MiniAppUnknown,))
async def about_miniapp(request: AppRequest) -> Response:
    """Who runs a mini-service, what it asks for and why, and what this resident allows it."""
    listing, user, language = _listing(request), request.scope["user"], language_of(request)
    granted = await granted_scopes(user.id, listing.app_id) if isinstance(user, Resident) else frozenset()
    banyan, contact = listing.manifest.banyan, listing.manifest.banyan.complaints
    shown = summary(listing, language, request.state["settings"])
    return reply(
        MiniAppDetail(
            **shown.model_dump(),
            operator=in_language(banyan.operator, language),
            complaints=Contact(phone=contact.phone, email=contact.email, url=contact.url),
            filing_number=banyan.filing_number,
            scopes=[
                ScopeShown(
                    scope=asked.scope,
                    purpose=in_language(asked.purpose, language),
                    legal_basis=in_language(asked.legal_basis, language),
                    retention=in_language(asked.retention, language),
                    required=asked.required,
                    granted=asked.scope in granted,
                )
                for asked in banyan.scopes
            ],
            version=listing.manifest.version.name,
            open=listing.open,
        )
    )


@access(Anonymous)
@describe(media_type="image/svg+xml", query=("v",), problems=(MiniAppUnknown,))
async def miniapp_icon(request: AppRequest) -> Response:
    """The mini-service's icon; `v` is the listing's version, so that a new icon has a new address."""
    icon = await icons_of(request.state).icon(_listing(request))
    return Response(
        icon.body,
        headers={
            "content-type": icon.media_type,
            "cache-control": "public, max-age=86400" if icon.final else "public, max-age=30",
            "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",  # an SVG is a document
        },
    )


@access(Resident, on_behalf=OnBehalf(what="service", acts=True, by_service=True))
@describe(
    body=LaunchRequest,
    reply=Launched,
    status=201,
    problems=(MiniAppUnknown, ConsentRequired, MiniAppSuspended, MiniAppUnavailable, MiniAppBusy, ValidationFailed),
)
async def launch_miniapp(request: AppRequest) -> Response:
    """Open a mini-service: an address that works once, for a minute."""
    asked = await read(request, LaunchRequest) if _has_body(request) else LaunchRequest()
    language = language_of(request)
    opened = await launch(
        actor(request, Resident),
        request.path_params["app_id"],
        asked.page,
        mode=asked.response_mode,
        language=language,
        state=request.state,
    )
    by_message = asked.response_mode is LaunchMode.WEB_MESSAGE
    banyan = opened.listing.manifest.banyan
    return reply(
        Launched(
            launch_id=opened.launch_id,
            url=opened.url,
            response=LaunchResponse(code=opened.code, iss=request.state["settings"].base_url) if by_message else None,
            expires_at=opened.expires_at,
            app=LaunchedApp(
                app_id=opened.listing.app_id,
                name=opened.listing.title(language),
                sector=banyan.sector,
                sponsor=in_language(banyan.sponsor, language),
            ),
        ),
        status=201,
    )


def _listing(request: AppRequest) -> PublishedListing:
    listing = listings(request.state).get(request.path_params["app_id"])
    if listing is None:
        raise MiniAppUnknown()
    return listing


def _has_body(request: AppRequest) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


routes = [
    get("/v1/miniapps/{app_id}", about_miniapp),
    get("/v1/miniapps/{app_id}/icon", miniapp_icon),
    post("/v1/miniapps/{app_id}/launch", launch_miniapp),
]

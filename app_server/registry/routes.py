"""The registry over HTTP: the catalogue for residents, the desk for operators, the portal for providers."""

from banyan_sdk import manifest as manifests
from banyan_sdk.manifest import in_language
from starlette.responses import Response

from app_server.kernel.access import FRAME, Anonymous, Operator, Provider, Resident, access, actor
from app_server.kernel.idempotency import idempotent
from app_server.kernel.languages import language_of
from app_server.kernel.problems import BadCursor, PreconditionFailed, ValidationFailed
from app_server.kernel.routing import describe, get, post
from app_server.kernel.schemas import encode_cursor, entity_tag, page_request, read, reply, require_match
from app_server.kernel.settings import Settings
from app_server.kernel.state import AppRequest
from app_server.kernel.unit_of_work import after_commit
from app_server.registry import desk, service
from app_server.registry.catalogue import search
from app_server.registry.problems import ListingActionNotPossible, MiniAppUnknown
from app_server.registry.published import PublishedListing, listings
from app_server.registry.schemas import (
    AuditPage,
    FindingOut,
    Findings,
    ListingDetail,
    ListingPage,
    ManifestToCheck,
    MiniAppPage,
    MiniAppSummary,
    Reasoned,
)

LONGEST_SEARCH = 100  # characters
LARGEST_MANIFEST = 256 * 1024  # bytes


def summary(listing: PublishedListing, locale: str, settings: Settings) -> MiniAppSummary:
    """A listing as the catalogue shows it."""
    return MiniAppSummary(
        app_id=listing.app_id,
        name=listing.title(locale),
        description=listing.manifest.about(locale),
        sector=listing.manifest.banyan.sector,
        sponsor=in_language(listing.manifest.banyan.sponsor, locale),
        icon_url=f"{settings.base_url}/v1/miniapps/{listing.app_id}/icon?v={listing.version}",
        origin=settings.app_origin(listing.app_id),
    )


@access(Resident, Anonymous, on_behalf=FRAME)
@describe(reply=MiniAppPage, query=("q", "cursor", "limit"), problems=(BadCursor, ValidationFailed))
async def find_miniapps(request: AppRequest) -> Response:
    """The mini-services that can be opened now; `q` searches names, descriptions and sponsors in every language."""
    page = page_request(request)
    wanted = request.query_params.get("q", "")[:LONGEST_SEARCH]
    found = search(listings(request.state).open(), wanted, after=page.place(str), limit=page.limit)
    locale, settings = language_of(request), request.state["settings"]
    return reply(
        MiniAppPage(
            items=[summary(listing, locale, settings) for listing in found.listings],
            next=encode_cursor(found.next_after) if found.next_after else None,
        ),
        headers={"vary": "accept-language"},
    )


@access(Operator)
@describe(reply=ListingPage, query=("cursor", "limit"), problems=(BadCursor, ValidationFailed))
async def operator_listings(request: AppRequest) -> Response:
    """Every listing with its state and the figures of the last hour."""
    page, now = page_request(request), request.state["clock"]()
    return reply(await desk.listings_page(page, organisation_id=None, locale=language_of(request), now=now))


@access(Operator)
@describe(reply=ListingDetail, problems=(MiniAppUnknown,))
async def operator_listing(request: AppRequest) -> Response:
    """One listing with its manifest and history; the ETag goes into If-Match of a decision."""
    now = request.state["clock"]()
    found = await desk.listing_detail(
        request.path_params["app_id"], organisation_id=None, locale=language_of(request), now=now
    )
    return reply(found, headers={"etag": entity_tag(found.version)})


@access(Operator)
@describe(
    body=Reasoned,
    reply=ListingDetail,
    problems=(MiniAppUnknown, ListingActionNotPossible, PreconditionFailed, ValidationFailed),
)
@idempotent()
async def suspend(request: AppRequest) -> Response:
    """Stop a mini-app for everybody within five seconds, and say why."""
    return await _decide(request, service.suspend)


@access(Operator)
@describe(
    body=Reasoned,
    reply=ListingDetail,
    problems=(MiniAppUnknown, ListingActionNotPossible, PreconditionFailed, ValidationFailed),
)
@idempotent()
async def lift(request: AppRequest) -> Response:
    """Let a suspended mini-app run again, and say why."""
    return await _decide(request, service.lift)


@access(Operator)
@describe(reply=AuditPage, query=("action", "subject", "cursor", "limit"), problems=(BadCursor, ValidationFailed))
async def operator_audit(request: AppRequest) -> Response:
    """Every privileged act, newest first."""
    query = request.query_params
    found = await desk.audit_page(page_request(request), action=query.get("action"), subject=query.get("subject"))
    return reply(found)


@access(Provider)
@describe(reply=ListingPage, query=("cursor", "limit"), problems=(BadCursor, ValidationFailed))
async def provider_listings(request: AppRequest) -> Response:
    """The provider's own listings, with the same figures as the operator sees."""
    page, now = page_request(request), request.state["clock"]()
    organisation_id = actor(request, Provider).organisation_id
    return reply(await desk.listings_page(page, organisation_id=organisation_id, locale=language_of(request), now=now))


@access(Provider)
@describe(reply=ListingDetail, problems=(MiniAppUnknown,))
async def provider_listing(request: AppRequest) -> Response:
    """One of the provider's own listings with its manifest and history."""
    found = await desk.listing_detail(
        request.path_params["app_id"],
        organisation_id=actor(request, Provider).organisation_id,
        locale=language_of(request),
        now=request.state["clock"](),
    )
    return reply(found, headers={"etag": entity_tag(found.version)})


@access(Provider)
@describe(body=ManifestToCheck, reply=Findings, problems=(ValidationFailed,))
async def check_manifest(request: AppRequest) -> Response:
    """Everything that is wrong or unwise in a manifest, at once: the very check that a reviewer runs."""
    asked = await read(request, ManifestToCheck, most=LARGEST_MANIFEST)
    found = manifests.check(asked.manifest)
    return reply(
        Findings(
            findings=[
                FindingOut(rule=f.rule, pointer=f.pointer, severity=f.severity, message=f.message, mend=f.mend)
                for f in found
            ]
        )
    )


async def _decide(request: AppRequest, decision: service.Decision) -> Response:
    app_id, state = request.path_params["app_id"], request.state
    asked = await read(request, Reasoned)
    operator = actor(request, Operator)
    await decision(
        app_id,
        reason=asked.reason.strip(),
        by=service.By(kind="operator", id=str(operator.id)),
        clock=state["clock"],
        redis=state["redis"],
        check_version=lambda version: require_match(request, version),
    )
    after_commit(listings(state).look_again)
    found = await desk.listing_detail(app_id, organisation_id=None, locale=language_of(request), now=state["clock"]())
    return reply(found, headers={"etag": entity_tag(found.version)})


routes = [
    get("/v1/miniapps", find_miniapps),
    get("/v1/operator/listings", operator_listings),
    get("/v1/operator/listings/{app_id}", operator_listing),
    post("/v1/operator/listings/{app_id}/suspension", suspend),
    post("/v1/operator/listings/{app_id}/lift", lift),
    get("/v1/operator/audit", operator_audit),
    get("/v1/provider/listings", provider_listings),
    get("/v1/provider/listings/{app_id}", provider_listing),
    post("/v1/provider/manifest-checks", check_manifest),
]

"""The consent page: who asks, for what, on what ground, for how long. A form; it works without JavaScript."""

from banyan_sdk.manifest import in_language
from starlette.responses import RedirectResponse, Response

from app_server.authorization.service import give_consent, granted_scopes
from app_server.authorization.views import scope_view
from app_server.kernel.access import Anonymous, OnBehalf, Resident, access, require_service
from app_server.kernel.ports import Client
from app_server.kernel.problems import NotFound
from app_server.kernel.routing import get, post
from app_server.kernel.schemas import read_form
from app_server.kernel.state import AppRequest
from app_server.pages.render import look_of, page
from app_server.pages.sign_in import PRIVATE, own_path, to_sign_in
from app_server.registry.published import listings


def _client(request: AppRequest, app_id: str) -> Client:
    client = request.state["ports"].clients.find(app_id)
    if client is None:
        raise NotFound()
    return client


@access(Resident, Anonymous, on_behalf=OnBehalf(what=None, acts=True, by_service=True))
async def consent_page(request: AppRequest) -> Response:
    """What a mini-app asks for and the resident has not allowed yet."""
    user = request.scope["user"]
    if not isinstance(user, Resident):
        here = f"{request.url.path}?{request.url.query}"
        return to_sign_in(here)
    app_id = request.query_params.get("app_id", "")
    client = _client(request, app_id)
    require_service(user, app_id)
    target = own_path(request.query_params.get("next", f"/apps/{app_id}"))
    granted = await granted_scopes(user.id, app_id)
    asked = [scope for scope in client.scopes if scope.scope not in granted]
    if not asked:
        return RedirectResponse(target, status_code=303, headers=PRIVATE)
    locale = look_of(request).locale
    listing = listings(request.state).get(app_id)
    if listing is None:
        raise NotFound()
    about = listing.manifest.banyan
    return page(
        request,
        "consent.html",
        headers=PRIVATE,
        app={
            "app_id": app_id,
            "name": listing.title(locale),
            "icon": f"/v1/miniapps/{app_id}/icon?v={listing.version}",
            "sector": about.sector,
            "operator": in_language(about.operator, locale),
        },
        scopes=[scope_view(scope, locale) for scope in asked],
        next=target,
    )


@access(Resident, on_behalf=OnBehalf(what="consent", acts=True, by_service=True))
async def answer_consent(request: AppRequest) -> Response:
    """Allow what is ticked, and everything that is needed; or nothing."""
    form = await read_form(request)
    client = _client(request, form.get("app_id", ""))
    if form.get("answer") != "allow":
        return RedirectResponse("/", status_code=303, headers=PRIVATE)
    user = request.scope["user"]
    require_service(user, client.app_id)
    scopes = [asked.scope for asked in client.scopes if asked.required or f"scope:{asked.scope}" in form]
    await give_consent(user.id, client, scopes, state=request.state)
    return RedirectResponse(own_path(form.get("next", "/")), status_code=303, headers=PRIVATE)


consent_routes = [get("/consent", consent_page), post("/consent", answer_consent)]

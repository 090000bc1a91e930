"""To an outside provider that verifies one's real name, and back: it works without JavaScript."""

from starlette.responses import RedirectResponse, Response

from app_server.identity.outside import checks
from app_server.identity.outside.problems import (
    OutsideCheckOver,
    OutsideDeclined,
    OutsideNotTrusted,
    OutsideUnavailable,
)
from app_server.identity.outside.providers import provider_with
from app_server.identity.problems import CLOSED
from app_server.identity.proofing.problems import IdentityInUse, IdentityIsAnother
from app_server.kernel.access import Anonymous, Resident, access, actor
from app_server.kernel.problems import TooManyRequests
from app_server.kernel.routing import get, post
from app_server.kernel.state import AppRequest
from app_server.pages.identity import show_identity
from app_server.pages.render import look_of, page
from app_server.pages.sign_in import PRIVATE, to_sign_in

PLACE = "/me/identity/outside/{provider}"
_TOLD = (  # on the page of one's identity
    *(OutsideCheckOver, OutsideDeclined, OutsideNotTrusted, OutsideUnavailable),
    *(IdentityInUse, IdentityIsAnother, TooManyRequests, *CLOSED),
)


@access(Resident)
async def go_there(request: AppRequest) -> Response:
    """By a page of its own: Chromium holds `form-action` against a redirect that follows a form."""
    user, provider_id, locale = actor(request, Resident), request.path_params["provider"], look_of(request).locale
    try:
        target = await checks.begin(user, provider_id, locale=locale, state=request.state)
    except _TOLD as problem:
        return await show_identity(request, user, problem=problem)
    place = provider_with(provider_id, request.state).name(locale)
    return page(request, "onward.html", headers=PRIVATE, place=place, go_to=target, post_to=None)


@access(Resident, Anonymous)
async def come_back(request: AppRequest) -> Response:
    """What the provider answered, by the resident's browser. A parameter that stands twice is none."""
    user, query = request.scope["user"], request.query_params
    if not isinstance(user, Resident):
        return to_sign_in("/me/identity")
    came = {name: query[name] for name in query if len(query.getlist(name)) == 1}
    try:
        await checks.finish(user, request.path_params["provider"], came, state=request.state)
    except _TOLD as problem:
        return await show_identity(request, user, problem=problem)
    return RedirectResponse("/me/identity?done", status_code=303, headers=PRIVATE)


outside_identity_routes = [post(PLACE, go_there), get(f"{PLACE}/back", come_back)]

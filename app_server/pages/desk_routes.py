"""The desks: the operator's console, the provider's portal, the card reader, and the demo's outbox of text messages."""

from collections.abc import Sequence
from typing import Literal
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from app_server.kernel.access import Anonymous, Resident, access
from app_server.kernel.problems import NotFound
from app_server.kernel.routing import get
from app_server.kernel.state import AppRequest
from app_server.pages.render import page

Desk = Literal["console", "portal"]

STATES = (
    "draft",
    "submitted",
    "auto_checked",
    "in_review",
    "changes_requested",
    "approved",
    "testers",
    "gray",
    "online",
    "suspended",
    "retired",
)
SECTORS = ("government", "public", "commercial")


@access(Resident, Anonymous)
async def console_listings(request: AppRequest) -> Response:
    """The operator sees how every mini-app is doing, and may suspend one."""
    return _desk(request, "console", "listings", states=STATES, sectors=SECTORS)


@access(Resident, Anonymous)
async def console_readers(request: AppRequest) -> Response:
    """The operator adds and removes readers of cards."""
    return _desk(request, "console", "readers")


@access(Resident, Anonymous)
async def console_audit(request: AppRequest) -> Response:
    """The operator reads who decided what, and why."""
    return _desk(request, "console", "audit")


@access(Resident, Anonymous)
async def portal_listings(request: AppRequest) -> Response:
    """A provider sees how the mini-apps of their organisation are doing."""
    return _desk(request, "portal", "listings", states=STATES, sectors=SECTORS)


@access(Resident, Anonymous)
async def portal_readers(request: AppRequest) -> Response:
    """A provider adds and removes the readers of their organisation."""
    return _desk(request, "portal", "readers")


@access(Resident, Anonymous)
async def portal_clients(request: AppRequest) -> Response:
    """A provider registers programs that sign residents in, and reads what went wrong with them."""
    return _desk(request, "portal", "clients")


@access(Resident, Anonymous)
async def portal_check(request: AppRequest) -> Response:
    """A provider checks a manifest before submitting it."""
    return _desk(request, "portal", "check")


@access(Anonymous)
async def reader(request: AppRequest) -> Response:
    """The page that checks cards at a desk or a gate. The device enrols itself there, once."""
    return page(request, "reader.html")


@access(Anonymous)
async def demo_outbox(request: AppRequest) -> Response:
    """The text messages that the demo did not send. Only in the demo: elsewhere there is no such page."""
    if request.state["settings"].mode != "demo":
        raise NotFound()
    return page(request, "outbox.html")


def _desk(
    request: AppRequest, desk: Desk, view: str, *, states: Sequence[str] = (), sectors: Sequence[str] = ()
) -> Response:
    """One view of a desk: sign-in for strangers, a kind page for those whose account is for something else."""
    person = request.scope["user"]
    if not isinstance(person, Resident):
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/sign-in?next={quote(here, safe='')}", status_code=303)
    if not _may_use(desk, person):
        return page(request, "desk/not_yours.html", status=403, desk=desk)
    return page(request, f"desk/{view}.html", desk=desk, view=view, states=states, sectors=sectors)


def _may_use(desk: Desk, person: Resident) -> bool:
    if desk == "console":
        return "operator" in person.roles
    return "provider" in person.roles and person.organisation_id is not None


routes = [
    get("/console", console_listings),
    get("/console/readers", console_readers),
    get("/console/audit", console_audit),
    get("/portal", portal_listings),
    get("/portal/readers", portal_readers),
    get("/portal/clients", portal_clients),
    get("/portal/check", portal_check),
    get("/reader", reader),
    get("/demo/outbox", demo_outbox),
]

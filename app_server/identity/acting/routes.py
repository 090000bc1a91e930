"""Who may act for whom, over the API. All of it is for people as themselves, never for another."""

from uuid import UUID

from starlette.responses import Response

from app_server.identity.acting import mandates, views
from app_server.identity.acting.problems import InvitationNotGood, MandateOver, MandateWithOneself, SuccessorNeeded
from app_server.identity.acting.rules import shown_code
from app_server.identity.acting.schemas import (
    AcceptMandate,
    InvitationCode,
    MandateOffer,
    MandatePage,
    MandateView,
    OfferMandate,
    UsePage,
    UseView,
)
from app_server.identity.problems import InsufficientUserAuthentication, PhoneNotValid
from app_server.kernel.access import Resident, access, actor
from app_server.kernel.idempotency import idempotent
from app_server.kernel.languages import language_of
from app_server.kernel.problems import BadCursor, NotFound, TooManyRequests
from app_server.kernel.routing import Route, delete, describe, get, post
from app_server.kernel.schemas import PageRequest, no_content, page_request, read, reply
from app_server.kernel.state import AppRequest, AppState


@access(Resident)
@idempotent()
@describe(
    body=OfferMandate,
    reply=MandateOffer,
    status=201,
    problems=(PhoneNotValid, MandateWithOneself, TooManyRequests, InsufficientUserAuthentication),
)
async def offer_mandate(request: AppRequest) -> Response:
    """Offer to act for somebody, or to let them act for you."""
    me, asked, state = actor(request, Resident), await read(request, OfferMandate), request.state
    mandate, code = await mandates.offer(me.id, me.session_id, asked, locale=language_of(request), state=state)
    offered = MandateOffer(
        mandate=await views.mandate_of(me.id, mandate.id, state=state),
        code=shown_code(code) if code else None,
        link=invitation_link(code, state) if code else None,
    )
    return reply(offered, status=201)


@access(Resident)
@describe(reply=MandatePage, query=("cursor", "limit"), problems=(BadCursor,))
async def list_mandates(request: AppRequest) -> Response:
    """One's mandates, given and held, and what was offered, the newest first."""
    return reply(await views.mandates_of(actor(request, Resident).id, page_request(request), state=request.state))


@access(Resident)
@describe(body=InvitationCode, reply=MandateView, problems=(InvitationNotGood, TooManyRequests))
async def open_invitation(request: AppRequest) -> Response:
    """What an invitation's code stands for, before it is accepted."""
    me, asked = actor(request, Resident), await read(request, InvitationCode)
    found = await mandates.invitation(me.id, asked.code, state=request.state)
    return reply(await views.offered_to(me.id, found.id, state=request.state))


@access(Resident)
@describe(reply=MandateView, problems=(NotFound,))
async def one_mandate(request: AppRequest) -> Response:
    """One mandate of one's own."""
    return reply(await views.mandate_of(actor(request, Resident).id, request.path_params["id"], state=request.state))


@access(Resident)
@describe(
    body=AcceptMandate,
    reply=MandateView,
    problems=(NotFound, InvitationNotGood, MandateOver, InsufficientUserAuthentication),
)
async def accept_mandate(request: AppRequest) -> Response:
    """Say yes to what was offered; to an open offer, then, to who took it. It is in force when both have."""
    me, asked = actor(request, Resident), await read(request, AcceptMandate)
    mandate = await mandates.accept(me.id, me.session_id, request.path_params["id"], asked.code, state=request.state)
    return reply(await views.mandate_of(me.id, mandate.id, state=request.state))


@access(Resident)
@describe(status=204, problems=(NotFound, SuccessorNeeded))
async def end_mandate(request: AppRequest) -> Response:
    """End it, refuse it, or take the offer back. What is open under it ends within seconds."""
    await mandates.end(actor(request, Resident).id, request.path_params["id"], state=request.state)
    return no_content()


@access(Resident)
@describe(reply=UsePage, query=("cursor", "limit"), problems=(NotFound, BadCursor))
async def list_uses(request: AppRequest) -> Response:
    """What was done under a mandate, the latest first. Both sides read the same."""
    me, mandate_id = actor(request, Resident), request.path_params["id"]
    await views.mandate_of(me.id, mandate_id, state=request.state)
    return reply(await uses_of(mandate_id, page_request(request), state=request.state))


async def uses_of(mandate_id: UUID, page: PageRequest, *, state: AppState) -> UsePage:
    """A page of what was done under a mandate."""
    rows = await state["ports"].ledger.looks_under(mandate_id, before=page.place(UUID), limit=page.limit + 1)
    shown, following = page.part(rows, "id")
    items = [UseView(id=row["id"], at=row["at"], who=row["who_name"], what=row["fields_seen"]) for row in shown]
    return UsePage(items=items, next=following)


def invitation_link(code: str, state: AppState) -> str:
    """The page that an invitation's QR code leads to."""
    return f"{state['settings'].base_url}/mandates/invitation?code={shown_code(code)}"


mandate_routes: list[Route] = [
    post("/v1/mandates", offer_mandate),
    get("/v1/mandates", list_mandates),
    post("/v1/mandates/invitations", open_invitation),
    get("/v1/mandates/{id:uuid}", one_mandate),
    post("/v1/mandates/{id:uuid}/accept", accept_mandate),
    delete("/v1/mandates/{id:uuid}", end_mandate),
    get("/v1/mandates/{id:uuid}/uses", list_uses),
]

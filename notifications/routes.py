"""Routes of the inbox, of notices by mini-apps, and of the carrier's callbacks."""

from urllib.parse import parse_qsl

from banyan_sdk.protocol import SendNotice
from starlette.responses import Response
from starlette.types import ASGIApp

from app_server.authorization.problems import ConsentWithdrawn
from app_server.identity.profiles import locale_of
from app_server.kernel.access import Anonymous, MiniApp, OnBehalf, Resident, access, actor
from app_server.kernel.idempotency import idempotent
from app_server.kernel.problems import BadCursor, NotFound, TooManyRequests
from app_server.kernel.routing import describe, get, post
from app_server.kernel.schemas import MAX_BODY, no_content, page_request, read, read_bytes, reply
from app_server.kernel.state import AppRequest
from notifications import frames, inbox, service
from notifications.problems import CallbackNotSigned, NoticeDataIncomplete, UnknownTemplate
from notifications.schemas import InboxPage, NoticeSent, ReadUpTo
from notifications.state import hub_of
from notifications.stream import InboxStream


@access(Resident, on_behalf=OnBehalf(what="inbox"))
@describe(reply=InboxPage, query=("cursor", "limit"), problems=(BadCursor,))
async def list_inbox(request: AppRequest) -> Response:
    """The notices of the resident, newest first, in their language."""
    resident = actor(request, Resident)
    page = page_request(request)
    return reply(await service.page_of_inbox(resident.id, page, state=request.state))


@access(Resident, on_behalf=OnBehalf(what="inbox"))
@describe(media_type="text/event-stream", query=("after",))
async def stream_inbox(request: AppRequest) -> ASGIApp:
    """New notices as they arrive, as Server-Sent Events; resumes after Last-Event-ID or `?after=`."""
    resident = actor(request, Resident)
    asked = frames.last_event_id(request.headers.get("last-event-id"), request.query_params.get("after"))
    newest = (await inbox.last_positions([resident.id])).get(resident.id, 0)
    return InboxStream(
        request,
        resident,
        hub=hub_of(request),
        after=newest if asked is None else min(asked, newest),
        present=service.presenter(await locale_of(resident.id, state=request.state), request.state),
    )


@access(Resident, on_behalf=OnBehalf(what="inbox_read", acts=True))
@describe(status=204, problems=(NotFound,))
async def mark_read(request: AppRequest) -> Response:
    """The resident has read one notice."""
    found = await inbox.mark_read(actor(request, Resident).id, request.path_params["id"], now=request.state["clock"]())
    if not found:
        raise NotFound()
    return no_content()


@access(Resident, on_behalf=OnBehalf(what="inbox_read", acts=True))
@describe(body=ReadUpTo, status=204)
async def mark_read_up_to(request: AppRequest) -> Response:
    """The resident has read everything up to a position."""
    asked = await read(request, ReadUpTo)
    await inbox.mark_read_up_to(actor(request, Resident).id, asked.up_to, now=request.state["clock"]())
    return no_content()


@access(MiniApp, scope="notices:send")
@idempotent(required=True)
@describe(
    body=SendNotice,
    reply=NoticeSent,
    status=202,
    problems=(ConsentWithdrawn, UnknownTemplate, NoticeDataIncomplete, TooManyRequests),
)
async def send_notice(request: AppRequest) -> Response:
    """A mini-app tells one of its residents something, by a template of its manifest."""
    asked = await read(request, SendNotice)
    sent = await service.send_notice(
        asked,
        app=actor(request, MiniApp),
        idempotency_key=request.headers["idempotency-key"],
        state=request.state,
    )
    return reply(NoticeSent(id=sent), status=202)


@access(Anonymous)
@describe(
    status=204,
    body_media_types=("application/x-www-form-urlencoded",),
    problems=(CallbackNotSigned, NotFound),
)
async def take_callback(request: AppRequest) -> Response:
    """The SMS carrier tells what became of a text message; signed with our account's secret."""
    body = (await read_bytes(request, most=MAX_BODY)).decode(errors="replace")
    await service.take_callback(
        request.path_params["id"],
        dict(parse_qsl(body, keep_blank_values=True)),
        signature=request.headers.get("x-twilio-signature", ""),
        state=request.state,
    )
    return no_content()


routes = [
    get("/v1/inbox", list_inbox),
    get("/v1/inbox/stream", stream_inbox),
    post("/v1/inbox/read", mark_read_up_to),
    post("/v1/inbox/{id:uuid}/read", mark_read),
    post("/v1/notices", send_notice),
    post("/v1/sms/callbacks/{id:uuid}", take_callback),
]

"""Use cases of notices: read the inbox, send a notice, take a carrier's callback."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from hmac import compare_digest
from uuid import UUID

from banyan_sdk.protocol import SendNotice

from app_server.authorization.problems import ConsentWithdrawn
from app_server.authorization.service import granted_resident
from app_server.identity.profiles import locale_of
from app_server.kernel.access import MiniApp
from app_server.kernel.limits import Rate, limit
from app_server.kernel.problems import BadCursor, FieldError, NotFound
from app_server.kernel.remedies import pointer
from app_server.kernel.schemas import PageRequest, encode_cursor
from app_server.kernel.state import AppState
from app_server.registry.published import listings
from notifications import sms, templates
from notifications.carrier import callback_signature
from notifications.inbox import FIRST_PAGE, Notice
from notifications.problems import CallbackNotSigned, NoticeDataIncomplete, UnknownTemplate
from notifications.state import notifications

PER_APP_AND_RESIDENT = Rate(most=30, per=timedelta(hours=1))
CARRIER_ID = re.compile(r"[A-Za-z0-9]{1,64}")
CARRIER_ERROR = re.compile(r"[0-9]{1,6}")


async def page_of_inbox(resident_id: UUID, page: PageRequest, *, state: AppState) -> dict[str, object]:
    """The next part of a resident's inbox, newest first: an `InboxPage` as plain dicts, for this is a hot read."""
    pages = notifications(state)["inbox_pages"]
    unread, notices = await pages((resident_id, _position(page), page.limit + 1))
    present = presenter(await locale_of(resident_id, state=state), state)
    shown = notices[: page.limit]
    following = encode_cursor(shown[-1].position) if len(notices) > page.limit else None
    return {"items": [present(notice) for notice in shown], "next": following, "unread": unread}


def presenter(locale: str, state: AppState) -> Callable[[Notice], dict[str, object]]:
    """How a notice looks to a resident of this language: a `NoticeItem` as a plain dict."""
    published = listings(state)

    def present(notice: Notice) -> dict[str, object]:
        texts = templates.in_locale(notice.texts, locale)
        listing = published.get(notice.app_id) if notice.app_id else None
        return {
            "id": str(notice.id),
            "position": notice.position,
            "title": texts["title"],
            "body": texts["body"],
            "app_id": notice.app_id,
            "app_name": listing.title(locale) if listing else notice.app_id,
            "link": notice.link,
            "at": notice.at,
            "read_at": notice.read_at,
        }

    return present


async def send_notice(asked: SendNotice, *, app: MiniApp, idempotency_key: str, state: AppState) -> UUID:
    """Put a mini-app's notice into the inbox of a resident who lets it send notices; the notice's id.

    Problems: `consent_withdrawn`, `unknown_template`, `notice_data_incomplete`, `too_many_requests`.
    """
    resident_id = await granted_resident(app.app_id, asked.sub, "notices:send")
    if resident_id is None:
        raise ConsentWithdrawn()
    listing = listings(state).get(app.app_id)
    template = listing.notice(asked.template) if listing else None
    if template is None:
        raise UnknownTemplate(errors=[FieldError(pointer="/template", detail="Not in your manifest.")])
    faults = [
        *(
            FieldError(pointer=pointer(("data", n)), detail="Missing.")
            for n in templates.missing_values(template, asked.data)
        ),
        *(
            FieldError(pointer=pointer(("data", n)), detail="Not used.")
            for n in templates.unknown_values(template, asked.data)
        ),
    ]
    if faults:
        raise NoticeDataIncomplete(errors=faults)
    await limit(state["redis"], "notices", f"{app.app_id}:{resident_id}", PER_APP_AND_RESIDENT, fail_open=True)
    return await state["ports"].inbox.deliver(
        resident_id=resident_id,
        app_id=app.app_id,
        texts=templates.render(template, asked.data),
        link=None,
        unique_key=f"app:{app.app_id}:{idempotency_key}",
    )


async def take_callback(delivery_id: UUID, form: Mapping[str, str], *, signature: str, state: AppState) -> None:
    """Record what the carrier says. Problems: `callback_not_signed`, `not_found`."""
    settings = state["settings"]
    url = sms.callback_url(settings.base_url, delivery_id)
    expected = callback_signature(url, form, settings.sms_secret)
    if not settings.sms_secret or not compare_digest(expected.encode(), signature.encode()):
        raise CallbackNotSigned()
    sid, error = form.get("MessageSid", ""), form.get("ErrorCode", "")
    if not CARRIER_ID.fullmatch(sid):
        raise NotFound()
    known = await sms.record_callback(
        delivery_id,
        sid,
        form.get("MessageStatus", ""),
        error if CARRIER_ERROR.fullmatch(error) else None,
        state["clock"](),
    )
    if not known:
        raise NotFound()


def _position(page: PageRequest) -> int:
    position = page.place(int)
    if position is None:
        return FIRST_PAGE
    if not 0 <= position <= FIRST_PAGE:
        raise BadCursor()
    return position

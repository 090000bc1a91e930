"""What this package says over the wire."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from app_server.kernel.schemas import Page, Schema


class NoticeItem(Schema):
    """A notice in the resident's language. `position` orders the inbox and has no gaps."""

    id: UUID
    position: int
    title: str
    body: str
    app_id: str | None
    app_name: str | None
    link: str | None
    at: datetime
    read_at: datetime | None


class InboxPage(Page[NoticeItem]):
    """The newest notices first, and how many in the whole inbox are unread."""

    unread: int


class ReadUpTo(Schema):
    """Everything up to and with this position has been read."""

    up_to: int = Field(ge=0, lt=2**62)


class NoticeSent(Schema):
    """The notice is in the inbox, under this id."""

    id: UUID


class SentText(Schema):
    """A text message that the demo's carrier took."""

    to: str
    text: str
    at: datetime


class DemoOutbox(Schema):
    """The demo's phones, newest message last."""

    items: list[SentText]

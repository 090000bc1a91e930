"""What the gateway's routes take and give."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app_server.kernel.schemas import Schema
from app_server.registry.schemas import MiniAppSummary


class LaunchMode(StrEnum):
    """How a launch gives its code: in the address, or for whoever opens the frame to tell its page."""

    QUERY = "query"
    WEB_MESSAGE = "web_message"


class LaunchRequest(Schema):
    """Where in the mini-app to begin, its first page when nothing is said; and how its code gets there."""

    page: Annotated[str, Field(max_length=500, pattern="^/")] | None = None
    response_mode: LaunchMode = LaunchMode.QUERY


class LaunchedApp(Schema):
    """Whom the thin bar above the mini-app names."""

    app_id: str
    name: str
    sector: str
    sponsor: str


class LaunchResponse(Schema):
    """What the page is told, and no page of another origin: the code, and who gave it (RFC 9207)."""

    code: str
    iss: str


class Launched(Schema):
    """An address that opens the mini-app once, until `expires_at`; `response` where the code does not stand in it."""

    launch_id: UUID
    url: str
    response: LaunchResponse | None = None
    expires_at: datetime
    app: LaunchedApp


class Contact(Schema):
    """Where to complain."""

    phone: str | None
    email: str | None
    url: str | None


class ScopeShown(Schema):
    """What a mini-app asks of a resident and why, and whether this resident allows it now."""

    scope: str
    purpose: str
    legal_basis: str
    retention: str
    required: bool
    granted: bool


class MiniAppDetail(MiniAppSummary):
    """Who runs a mini-app, what it may see, and where to complain."""

    operator: str
    complaints: Contact
    filing_number: str | None
    scopes: list[ScopeShown]
    version: str
    open: bool

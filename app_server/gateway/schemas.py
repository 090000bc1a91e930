"""What the gateway's routes take and give."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app_server.kernel.schemas import Schema
from app_server.registry.schemas import MiniAppSummary


class LaunchRequest(Schema):
    """Where in the mini-app to begin; its first page when nothing is said."""

    page: Annotated[str, Field(max_length=500, pattern="^/")] | None = None


class LaunchedApp(Schema):
    """Whom the thin bar above the mini-app names."""

    app_id: str
    name: str
    sector: str
    sponsor: str


class Launched(Schema):
    """An address that opens the mini-app once, until `expires_at`."""

    launch_id: UUID
    url: str
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

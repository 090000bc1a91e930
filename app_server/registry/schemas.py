"""What the registry's routes take and give."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from app_server.kernel.schemas import Schema


class MiniAppSummary(Schema):
    """A mini-app in the list that residents search; texts in the language asked for."""

    app_id: str
    name: str
    description: str
    sector: str
    sponsor: str
    icon_url: str
    origin: str


class MiniAppPage(Schema):
    """A part of the list."""

    items: list[MiniAppSummary]
    next: str | None = None


class ListingSummary(Schema):
    """A listing as operators and its provider see it; the figures are of the last hour, `spark` one per minute."""

    app_id: str
    name: str
    sector: str
    sponsor: str
    state: str
    state_reason: str | None
    version: int
    calls: int
    errors: int
    p95_ms: float | None
    spark: list[int]
    updated_at: datetime


class ListingPage(Schema):
    """A part of the listings."""

    items: list[ListingSummary]
    next: str | None = None


class HistoryEntry(Schema):
    """What was done to a listing."""

    at: datetime
    actor: str
    action: str
    reason: str | None


class ListingDetail(ListingSummary):
    """A listing with its manifest, its history (newest first) and what can be done to it now."""

    organisation: str
    endpoint: str
    manifest: dict[str, Any]
    history: list[HistoryEntry]
    actions: list[str]


class Reasoned(Schema):
    """A decision and why it is taken; residents read the reason of a suspension."""

    reason: Annotated[str, Field(min_length=3, max_length=500, pattern=r"\S")]


class ManifestToCheck(Schema):
    """A manifest as the provider has it."""

    manifest: Any


class FindingOut(Schema):
    """One thing to mend, where it is, and how."""

    rule: str
    pointer: str
    severity: str
    message: str
    mend: str


class Findings(Schema):
    """Everything the checker found, at once; an empty list is a clean bill."""

    findings: list[FindingOut]


class AuditItem(Schema):
    """An entry of the audit."""

    id: str
    at: datetime
    actor: str
    action: str
    subject: str
    reason: str | None
    details: dict[str, Any]


class AuditPage(Schema):
    """A part of the audit, newest first."""

    items: list[AuditItem]
    next: str | None = None

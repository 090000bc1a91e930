"""What operators and providers see of listings: rows of PostgreSQL with the figures of the last hour."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from banyan_sdk.manifest import Manifest, in_language

from app_server.kernel.schemas import PageRequest
from app_server.kernel.unit_of_work import fetch
from app_server.registry.lifecycle import Standing, State, possible
from app_server.registry.problems import MiniAppUnknown
from app_server.registry.schemas import (
    AuditItem,
    AuditPage,
    HistoryEntry,
    ListingDetail,
    ListingPage,
    ListingSummary,
)
from app_server.registry.usage import UNUSED, Usage, last_hour


async def listings_page(page: PageRequest, *, organisation_id: UUID | None, locale: str, now: datetime) -> ListingPage:
    """All listings by app id, or those of one organisation."""
    rows = await fetch(
        f"{_LISTING} WHERE ($1::uuid IS NULL OR l.organisation_id = $1) AND l.app_id > $2 ORDER BY l.app_id LIMIT $3",
        organisation_id,
        page.place(str) or "",
        page.limit + 1,
    )
    shown, following = page.part(rows, "app_id")
    usage = await last_hour([row["app_id"] for row in shown], now)
    return ListingPage(
        items=[ListingSummary(**_summary(row, usage.get(row["app_id"], UNUSED), locale)) for row in shown],
        next=following,
    )


async def listing_detail(app_id: str, *, organisation_id: UUID | None, locale: str, now: datetime) -> ListingDetail:
    """One listing with its history; of that organisation only, if one is named. Raises `miniapp_unknown`."""
    rows = await fetch(
        f"{_LISTING} WHERE l.app_id = $1 AND ($2::uuid IS NULL OR l.organisation_id = $2)", app_id, organisation_id
    )
    if not rows:
        raise MiniAppUnknown()
    row = rows[0]
    usage = await last_hour([app_id], now)
    history = await fetch(
        "SELECT at, actor_kind, actor_id, action, reason FROM registry_listing_event"
        " WHERE listing_id = $1 ORDER BY at DESC, id DESC LIMIT 100",
        row["id"],
    )
    before = row["state_before_suspension"]
    standing = Standing(State(row["state"]), State(before) if before else None)
    return ListingDetail(
        **_summary(row, usage.get(app_id, UNUSED), locale),
        organisation=row["organisation"],
        endpoint=row["endpoint"],
        manifest=orjson.loads(row["manifest"]),
        history=[
            HistoryEntry(
                at=entry["at"],
                actor=f"{entry['actor_kind']}:{entry['actor_id']}",
                action=entry["action"],
                reason=entry["reason"],
            )
            for entry in history
        ],
        actions=sorted(possible(standing)),
    )


async def audit_page(page: PageRequest, *, action: str | None, subject: str | None) -> AuditPage:
    """The audit, newest first; `action` and `subject` choose exact values, an action also by its first word."""
    rows = await fetch(
        "SELECT id, at, actor_kind, actor_id, action, subject, reason, details FROM core_audit_entry"
        " WHERE ($1::text IS NULL OR action = $1 OR starts_with(action, $1 || '.'))"
        " AND ($2::text IS NULL OR subject = $2) AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC LIMIT $4",
        action,
        subject,
        page.place(UUID),
        page.limit + 1,
    )
    shown, following = page.part(rows, "id")
    return AuditPage(
        items=[
            AuditItem(
                id=str(row["id"]),
                at=row["at"],
                actor=f"{row['actor_kind']}:{row['actor_id']}",
                action=row["action"],
                subject=row["subject"],
                reason=row["reason"],
                details=orjson.loads(row["details"]),
            )
            for row in shown
        ],
        next=following,
    )


_LISTING = """
    SELECT l.id, l.app_id, l.state, l.state_before_suspension, l.state_reason, l.version, l.updated_at, l.endpoint,
           o.name AS organisation, r.manifest
    FROM registry_listing l
    JOIN registry_organisation o ON o.id = l.organisation_id
    JOIN registry_release r ON r.id = l.published_release_id
"""


def _summary(row: Mapping[str, Any], usage: Usage, locale: str) -> dict[str, Any]:
    manifest = Manifest.model_validate(orjson.loads(row["manifest"]))
    spark: Sequence[int] = usage.spark
    return {
        "app_id": row["app_id"],
        "name": manifest.title(locale),
        "sector": manifest.banyan.sector,
        "sponsor": in_language(manifest.banyan.sponsor, locale),
        "state": row["state"],
        "state_reason": row["state_reason"],
        "version": row["version"],
        "calls": usage.calls,
        "errors": usage.errors,
        "p95_ms": usage.p95_ms,
        "spark": list(spark),
        "updated_at": row["updated_at"],
    }

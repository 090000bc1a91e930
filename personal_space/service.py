"""Use cases of the personal space."""

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from app_server.identity.profiles import locale_of
from app_server.kernel.problems import BadCursor
from app_server.kernel.schemas import PageRequest
from app_server.kernel.state import AppState
from app_server.registry.published import listings
from personal_space import ledger
from personal_space.purposes import in_locale


async def who_saw_my_data(resident_id: UUID, page: PageRequest, *, state: AppState) -> dict[str, object]:
    """The next part of a resident's ledger, the latest look first, in their language: a page of `Look`, plain."""
    rows = await ledger.entries(resident_id, after=_after(page.after), limit=page.limit + 1)
    locale = await locale_of(resident_id, state=state)
    shown, following = page.part(rows, "at", "id")
    return {"items": [_look(row, locale, state) for row in shown], "next": following}


def _look(row: Any, locale: str, state: AppState) -> dict[str, object]:
    listing = listings(state).get(row["who_id"]) if row["who_kind"] == "miniapp" else None
    name = listing.title(locale) if listing else row["who_name"]
    return {
        "id": str(row["id"]),
        "at": row["at"],
        "who": {"kind": row["who_kind"], "name": name, "place": row["who_place"]},
        "purpose": in_locale(orjson.loads(row["purpose"]), locale),
        "fields": orjson.loads(row["fields_seen"]),
        "reference": row["reference"],
    }


def _after(cursor: tuple[Any, ...] | None) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    if [type(value) for value in cursor] != [datetime, UUID]:
        raise BadCursor()
    return cursor[0], cursor[1]

"""Mandates as their sides see them."""

from typing import Any
from uuid import UUID

import orjson

from app_server.identity import phones
from app_server.identity.acting.rules import Side
from app_server.identity.acting.schemas import MandatePage, MandateView, Party
from app_server.kernel.crypto import KeyRing
from app_server.kernel.problems import NotFound
from app_server.kernel.schemas import PageRequest
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import fetch, fetchrow

_SELECT = """
SELECT m.*, p.name_sealed AS principal_name, p.phone_sealed AS principal_phone,
  a.name_sealed AS agent_name, a.phone_sealed AS agent_phone
FROM core_mandate m LEFT JOIN core_resident p ON p.id = m.principal_id LEFT JOIN core_resident a ON a.id = m.agent_id
"""
_MINE = """(m.principal_id = $1 OR m.agent_id = $1 OR (
  m.state = 'offered' AND m.to_phone_index = (SELECT phone_index FROM core_resident WHERE id = $1)))"""


async def mandates_of(me: UUID, page: PageRequest, *, state: AppState) -> MandatePage:
    """One's mandates and what one was offered, the newest first."""
    rows = await fetch(
        f"{_SELECT} WHERE {_MINE} AND ($2::uuid IS NULL OR m.id < $2) ORDER BY m.id DESC LIMIT $3",
        me,
        page.place(UUID),
        page.limit + 1,
    )
    shown, following = page.part(rows, "id")
    return MandatePage(items=[_view(row, me, state["keys"]) for row in shown], next=following)


async def mandate_of(me: UUID, mandate_id: UUID, *, state: AppState) -> MandateView:
    """One mandate of one's own. Problem: `not_found`, also for somebody else's."""
    row = await fetchrow(f"{_SELECT} WHERE {_MINE} AND m.id = $2", me, mandate_id)
    if row is None:
        raise NotFound()
    return _view(row, me, state["keys"])


async def mandates_for(company_id: UUID, page: PageRequest, *, state: AppState) -> MandatePage:
    """A company's mandates as it sees them, the newest first."""
    rows = await fetch(
        f"{_SELECT} WHERE m.principal_id = $1 AND ($2::uuid IS NULL OR m.id < $2) ORDER BY m.id DESC LIMIT $3",
        company_id,
        page.place(UUID),
        page.limit + 1,
    )
    shown, following = page.part(rows, "id")
    return MandatePage(items=[_view(row, company_id, state["keys"]) for row in shown], next=following)


async def offered_to(me: UUID, mandate_id: UUID, *, state: AppState) -> MandateView:
    """An open offer, for somebody who has shown its code."""
    row = await fetchrow(f"{_SELECT} WHERE m.id = $1", mandate_id)
    if row is None:
        raise NotFound()
    return _view(row, me, state["keys"])


def _view(row: Any, me: UUID, keys: KeyRing) -> MandateView:
    mine = Side.PRINCIPAL if me == row["principal_id"] else Side.AGENT
    if me not in (row["principal_id"], row["agent_id"]) and row["principal_id"] is None:
        mine = Side.PRINCIPAL
    missing = next((side for side in _asked_first(row) if row[f"{side.value}_accepted_at"] is None), None)
    return MandateView(
        id=row["id"],
        kind=row["kind"],
        role=row["role"],
        state=row["state"],
        you_are=mine,
        other=_party(row, mine.other, keys),
        offered_by_you=row["offered_by"] == me,
        waits_for=missing if row["state"] == "offered" else None,
        reach=row["reach"],
        app_ids=orjson.loads(row["app_ids"]),
        starts_at=row["starts_at"],
        until_at=row["until_at"],
        offered_at=row["offered_at"],
        offer_expires_at=row["offer_expires_at"],
        ended_at=row["ended_at"],
        ended_by=row["ended_by"],
    )


def _asked_first(row: Any) -> tuple[Side, Side]:
    """Whose yes is waited for first: the side that was asked, then the one that offered."""
    asked = Side.AGENT if row["offered_by"] == row["principal_id"] else Side.PRINCIPAL
    return asked, asked.other


def _party(row: Any, side: Side, keys: KeyRing) -> Party:
    name, phone = row[f"{side.value}_name"], row[f"{side.value}_phone"]
    number = keys.open("resident.phone", phone) if phone else None
    if row[f"{side.value}_id"] is None and row["to_phone_sealed"]:
        number = keys.open("mandate.phone", row["to_phone_sealed"])
    return Party(
        name=keys.open("resident.name", name) if name else None,
        phone_masked=phones.mask(number) if number else None,
    )

"""Which services have heard that a resident signed out, as she sees it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import Any
from uuid import UUID

from app_server.authorization.views import text_of
from app_server.identity.models import LogoutAnswer
from app_server.kernel.ports import Clients
from app_server.kernel.schemas import Page, PageRequest, Schema
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import fetch


class Telling(StrEnum):
    """How it stands with telling one service; the first of these that is true of one of its sessions."""

    GIVEN_UP = "given_up"  # an operator may have it tried again
    REFUSED = "refused"
    RETRYING = "retrying"  # it did not answer, or not with a yes
    WAITING = "waiting"
    CONFIRMED = "confirmed"
    NOT_TOLD = "not_told"  # it takes no such messages; it only finds that its tokens are over


class ServiceTold(Schema):
    """A service that she was signed in to; `next_try_at` for one that is tried again."""

    client_id: str
    name: str
    state: Telling
    next_try_at: datetime | None


class LogoutView(Schema):
    """What ended together: services that heard of it (`confirmed`), out of those that take such messages (`told`)."""

    id: UUID
    at: datetime
    confirmed: int
    told: int
    services: list[ServiceTold]

    @property
    def begins(self) -> bool:
        """Whether a service is being told for the first time."""
        return any(each.state is Telling.WAITING for each in self.services)

    @property
    def settled(self) -> bool:
        """Whether nothing more happens by itself."""
        return not any(each.state in (Telling.WAITING, Telling.RETRYING) for each in self.services)


class Logouts(Page[LogoutView]):
    """What ended in the last thirty days and concerned services, the newest first."""


async def logouts_of(resident_id: UUID, page: PageRequest, *, language: str, state: AppState) -> Logouts:
    """The resident's own."""
    found = await fetch(
        "SELECT DISTINCT occasion_id FROM core_logout_notice WHERE resident_id = $1"
        " AND ($2::uuid IS NULL OR occasion_id < $2) ORDER BY occasion_id DESC LIMIT $3",
        resident_id,
        page.place(UUID),
        page.limit + 1,
    )
    shown, following = page.part(found, "occasion_id")
    return Logouts(items=await _views([row["occasion_id"] for row in shown], language, state), next=following)


async def logout_of(occasion_id: UUID, *, language: str, state: AppState) -> LogoutView | None:
    """What ended on one occasion; None when no service was concerned."""
    views = await _views([occasion_id], language, state)
    return views[0] if views else None


async def _views(occasions: Sequence[UUID], language: str, state: AppState) -> list[LogoutView]:
    rows = await fetch(
        "SELECT n.occasion_id, n.client_id, n.created_at, n.answer, j.state, j.attempts, j.run_at"
        " FROM core_logout_notice n LEFT JOIN core_job j ON j.unique_key = 'logout:' || n.id"
        " WHERE n.occasion_id = ANY($1) ORDER BY n.occasion_id DESC, n.client_id",
        occasions,
    )
    clients = state["ports"].clients
    return [
        _view(occasion, list(of), language, clients) for occasion, of in groupby(rows, lambda row: row["occasion_id"])
    ]


def _view(occasion_id: UUID, rows: Sequence[Any], language: str, clients: Clients) -> LogoutView:
    services = [
        _service(client_id, of, language, clients) for client_id, of in groupby(rows, lambda row: row["client_id"])
    ]
    return LogoutView(
        id=occasion_id,
        at=rows[0]["created_at"],
        confirmed=sum(each.state is Telling.CONFIRMED for each in services),
        told=sum(each.state is not Telling.NOT_TOLD for each in services),
        services=services,
    )


def _service(client_id: str, rows: Iterable[Any], language: str, clients: Clients) -> ServiceTold:
    """One service, by the worst of its sessions."""
    client, order = clients.find(client_id), list(Telling)
    worst = min(rows, key=lambda row: order.index(telling(row)))
    state = telling(worst)
    return ServiceTold(
        client_id=client_id,
        name=text_of(client.name, language) if client else client_id,
        state=state,
        next_try_at=worst["run_at"] if state is Telling.RETRYING else None,
    )


def telling(row: Mapping[str, Any]) -> Telling:
    """How it stands with one notice, by its answer and its job (`state` and `attempts`; None before there is one)."""
    if row["state"] == "dead":
        return Telling.REFUSED if row["answer"] == LogoutAnswer.REFUSED else Telling.GIVEN_UP
    if row["state"] == "waiting":
        return Telling.RETRYING if row["attempts"] else Telling.WAITING
    if row["answer"] is None:
        return Telling.WAITING
    return Telling(row["answer"])

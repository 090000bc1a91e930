"""How a mandate ends, whoever or whatever ends it: the one place, so that all that hangs on it ends with it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from tortoise.expressions import Q

from app_server.identity.acting.events import MandateEnded
from app_server.identity.acting.models import Mandate
from app_server.identity.acting.problems import SuccessorNeeded
from app_server.identity.acting.rules import Role, State
from app_server.identity.ending import end_sessions
from app_server.identity.events import ResidentDeleted, ResidentDied
from app_server.identity.sessions import sessions_of
from app_server.kernel.audit import audit
from app_server.kernel.clearing import again, delete_page
from app_server.kernel.events import record
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import after_commit, fetch, in_unit_of_work

PAGE = 200  # mandates that end in one transaction
NEVER_ACCEPTED_KEPT_FOR = timedelta(days=30)
KEPT_FOR = timedelta(
    days=3 * 366
)  # after its end; a claim lapses after three years (Civil Code of the PRC, article 188)


async def end_of_mandate(
    mandate: Mandate, *, by: str, actor: tuple[str, object], reason: str | None = None, state: AppState
) -> None:
    """End it with every session that is open under it; nothing happens the second time. In the caller's unit of work,
    which holds the row. `by` is principal, agent, operator or time.
    """
    if mandate.state is State.ENDED:
        return
    now = state["clock"]()
    mandate.state, mandate.ended_at, mandate.ended_by, mandate.code_index = State.ENDED, now, by, None
    await mandate.save(update_fields=["state", "ended_at", "ended_by", "code_index"])
    rows = await end_sessions("mandate_id = $1", mandate.id, at=now)
    after_commit(lambda: sessions_of(state).forget([row["id"] for row in rows]))
    await audit(*actor, "mandate.ended", f"mandate:{mandate.id}", reason=reason, details={"by": by})
    await record(MandateEnded(mandate_id=mandate.id, by=by, at=now))


async def hold_company(company_id: UUID) -> None:
    """Hold the company in the caller's unit of work, before any mandate of it: one leaves after the other."""
    await fetch("SELECT 1 FROM core_resident WHERE id = $1 FOR UPDATE", company_id)


async def require_successor(mandate: Mandate) -> None:
    """Problem `successor_needed` if a company, which the caller holds, would be left without a legal representative."""
    if mandate.state is not State.ACTIVE or mandate.role is not Role.REPRESENTATIVE:
        return
    others = Mandate.filter(principal_id=mandate.principal_id, role=Role.REPRESENTATIVE, state=State.ACTIVE)
    if not await others.exclude(id=mandate.id).exists():
        raise SuccessorNeeded()


@in_unit_of_work
async def end_all_of(resident_id: UUID, *, reason: str, state: AppState) -> int:
    """End every mandate of somebody whose account is over, on either side; how many there were."""
    found = (
        await Mandate.filter(state__not=State.ENDED)
        .filter(Q(principal_id=resident_id) | Q(agent_id=resident_id))
        .order_by("id")
        .select_for_update()
    )
    for mandate in found:
        await end_of_mandate(mandate, by="operator", actor=("system", "accounts"), reason=reason, state=state)
    return len(found)


async def end_mandates(event: ResidentDied | ResidentDeleted, *, event_id: UUID, state: AppState) -> None:
    """Nobody acts for who is not here any more, and they for nobody."""
    await end_all_of(event.resident_id, reason=event.name, state=state)


async def end_due(payload: dict[str, Any], *, state: AppState) -> None:
    """End what is over by the clock, and offers that nobody accepted in time."""
    now = state["clock"]()
    due = (
        await Mandate.filter(
            Q(state=State.ACTIVE, until_at__lte=now) | Q(state=State.OFFERED, offer_expires_at__lte=now)
        )
        .order_by("id")
        .limit(PAGE)
        .select_for_update(skip_locked=True)
    )
    for mandate in due:
        await end_of_mandate(mandate, by="time", actor=("system", "clock"), state=state)
    await again("end_due_mandates", len(due) == PAGE)


async def forget_old(payload: dict[str, Any], *, state: AppState) -> None:
    """Remove offers that came to nothing, and mandates that ended long ago."""
    now = state["clock"]()
    never = "ended_at < $1 AND (principal_accepted_at IS NULL OR agent_accepted_at IS NULL)"
    await again(
        "forget_old_mandates",
        await delete_page("core_mandate", never, now - NEVER_ACCEPTED_KEPT_FOR),
        await delete_page("core_mandate", "ended_at < $1", now - KEPT_FOR),
    )

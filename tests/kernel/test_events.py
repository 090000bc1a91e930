"""Facts and what follows from them; the audit, which nobody changes."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import orjson
import pytest
from asyncpg import RaiseError

from app_server.kernel.audit import audit
from app_server.kernel.events import (
    Event,
    Reactions,
    deliver_outbox,
    from_payload,
    reaction_jobs,
    record,
    to_payload,
)
from app_server.kernel.ids import uuid7
from app_server.kernel.jobs import run_job, take_due_jobs
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import in_unit_of_work
from tests.city import City


@dataclass(frozen=True, kw_only=True)
class LanternLit(Event):
    """Something that happened in the city, with a field of every kind."""

    lantern_id: UUID
    keeper_id: UUID | None
    at: datetime
    title: dict[str, str]
    colours: list[str]
    height: int


def lit(keeper_id: UUID | None = None) -> LanternLit:
    return LanternLit(
        lantern_id=uuid7(),
        keeper_id=keeper_id,
        at=datetime.now(UTC),
        title={"en": "Moon", "zh-CN": "月"},
        colours=["red"],
        height=3,
    )


@pytest.mark.parametrize("keeper_id", [None, uuid7()])
def test_a_fact_reads_back_with_its_types(keeper_id: UUID | None) -> None:
    fact = lit(keeper_id)
    assert from_payload(LanternLit, orjson.loads(to_payload(fact))) == fact
    assert LanternLit.name == "lantern_lit"


async def test_each_reaction_follows_once_and_one_that_fails_holds_up_no_other(city: City) -> None:
    seen: list[tuple[str, Event, UUID]] = []

    async def tell_neighbours(event: LanternLit, *, event_id: UUID, state: AppState) -> None:
        raise RuntimeError("nobody opens")

    async def count_lights(event: LanternLit, *, event_id: UUID, state: AppState) -> None:
        seen.append(("counted", event, event_id))

    reactions: Reactions = {LanternLit: [tell_neighbours, count_lights]}
    fact = lit()
    await in_unit_of_work(record)(fact)
    assert await deliver_outbox(reactions) == 1
    assert await deliver_outbox(reactions) == 0
    catalogue = {job.name: job for job in reaction_jobs(reactions)}
    for job_id in await take_due_jobs():
        await run_job(job_id, catalogue, city.state)
    (outbox,) = await city.rows("SELECT id FROM core_outbox_event")
    assert seen == [("counted", fact, outbox["id"])]
    states = await city.rows("SELECT name, state FROM core_job ORDER BY name")
    assert [tuple(row) for row in states] == [
        ("lantern_lit.count_lights", "done"),
        ("lantern_lit.tell_neighbours", "waiting"),
    ]


async def test_two_workers_share_the_facts_and_wait_for_nobody(city: City) -> None:
    await in_unit_of_work(record)(lit())
    held, let_go = asyncio.Event(), asyncio.Event()

    @in_unit_of_work
    async def slow_worker() -> int:
        taken = await deliver_outbox({})
        held.set()
        await let_go.wait()
        return taken

    slow = asyncio.create_task(slow_worker())
    await held.wait()
    async with asyncio.timeout(5):
        assert await deliver_outbox({}) == 0
    let_go.set()
    assert await slow == 1


async def test_a_fact_of_a_unit_that_failed_did_not_happen(city: City) -> None:
    @in_unit_of_work
    async def light_and_fall() -> None:
        await record(lit())
        raise RuntimeError("the ladder")

    with pytest.raises(RuntimeError):
        await light_and_fall()
    assert await city.rows("SELECT 1 FROM core_outbox_event") == []


@pytest.mark.parametrize("change", ["UPDATE core_audit_entry SET reason = 'other'", "DELETE FROM core_audit_entry"])
async def test_nobody_changes_the_audit(city: City, change: str) -> None:
    await in_unit_of_work(audit)("operator", uuid7(), "listing.suspended", "app:library", reason="smoke")
    with pytest.raises(RaiseError, match="append-only"):
        await city.execute(change)

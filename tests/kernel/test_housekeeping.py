"""Health and figures, and the clearing away of what was done long ago."""

import pytest

from app_server.kernel import clearing
from app_server.kernel.housekeeping import clear_done
from app_server.kernel.unit_of_work import execute, fetch, in_unit_of_work
from tests.city import City


async def test_a_process_says_that_it_is_alive_and_ready(city: City) -> None:
    async with city.browser() as http:
        assert (await http.get("/healthz")).json()["status"] == "alive"
        assert (await http.get("/readyz")).json() == {"status": "ready", "database": "answers", "redis": "answers"}


async def test_figures_are_for_the_machine_itself_and_not_for_what_comes_through_the_proxy(city: City) -> None:
    async with city.browser() as http:
        assert b"banyan_requests_total" in (await http.get("/metrics")).content
        for line in ("127.0.0.1", ""):
            assert (await http.get("/metrics", headers={"x-forwarded-for": line})).status_code == 404


async def test_what_is_done_is_forgotten_after_a_week_and_what_is_dead_stays(city: City) -> None:
    for name, state, days in [("old", "done", 8), ("new", "done", 6), ("dead", "dead", 80)]:
        await city.execute(
            "INSERT INTO core_job (id, name, payload, unique_key, state, attempts, run_at, created_at, ended_at)"
            " VALUES (gen_random_uuid(), $1, '{}', $1, $2, 1, now(), now(), now() - make_interval(days => $3))",
            name,
            state,
            days,
        )
    for delivered in ("now() - interval '8 days'", "now()", "NULL"):
        await city.execute(
            "INSERT INTO core_outbox_event (id, name, payload, created_at, delivered_at)"
            f" VALUES (gen_random_uuid(), 'lantern_lit', '{{}}', now() - interval '9 days', {delivered})"
        )
    await clear_done({}, state=city.state)
    assert {row["name"] for row in await city.rows("SELECT name FROM core_job")} == {"new", "dead"}
    left = await city.rows("SELECT delivered_at IS NULL AS waiting FROM core_outbox_event")
    assert sorted(row["waiting"] for row in left) == [False, True]


async def test_more_than_a_page_is_cleared_away_by_further_jobs_each_a_page(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clearing, "PAGE", 3)
    await city.execute(
        "INSERT INTO core_outbox_event (id, name, payload, created_at, delivered_at)"
        " SELECT gen_random_uuid(), 'lantern_lit', '{}', now(), now() - interval '8 days' FROM generate_series(1, 8)"
    )
    await clear_done({}, state=city.state)
    assert len(await city.rows("SELECT 1 FROM core_outbox_event")) == 5
    await city.work()
    assert await city.rows("SELECT 1 FROM core_outbox_event") == []
    assert [row["state"] for row in await city.rows("SELECT state FROM core_job")] == ["done"] * 2


@pytest.mark.parametrize(
    ("table", "where"),
    [
        ("core_outbox_event", "delivered_at < now()"),
        ("core_job", "state = 'done' AND ended_at < now()"),
        ("core_idempotent_answer", "created_at < now()"),
        ("core_refresh_token", "used_at < now() AND successor_sealed IS NOT NULL"),
        ("core_refresh_token", "used_at < now()"),
        ("core_refresh_token", "session_id = '01890000-0000-7000-8000-000000000000'"),
        ("core_session", "ended_at < now() OR expires_at < now()"),
        ("core_passkey_challenge", "expires_at < now()"),
        ("core_known_device", "last_seen_at < now()"),
        ("registry_usage_minute", "minute < now()"),
    ],
)
async def test_what_is_cleared_away_is_found_by_an_index(city: City, table: str, where: str) -> None:
    @in_unit_of_work
    async def plan() -> str:
        await execute("SET LOCAL enable_seqscan = off")
        return "\n".join(row[0] for row in await fetch(f"EXPLAIN SELECT id FROM {table} WHERE {where}"))

    assert "Index Cond" in await plan()

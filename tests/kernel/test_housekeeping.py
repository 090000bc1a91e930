"""Health and figures, and the clearing away of what was done long ago."""

from app_server.kernel.housekeeping import clear_done
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

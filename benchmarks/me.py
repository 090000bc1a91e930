"""An authenticated read: `GET /v1/me`, and where its time goes."""

from benchmarks.findings import Finding, ratio
from benchmarks.measure import Contender, Effort, side_by_side
from benchmarks.sampling import shares
from benchmarks.servers import banyan, baseline
from benchmarks.town import Town, get

SIZE = 330  # bytes, as our answer


def run(town: Town, effort: Effort) -> list[Finding]:
    """Beside the same read written by hand, Starlette with one route, and a bare reply of the same size."""
    with (
        banyan(town.settings, town.logs) as server,
        baseline("by_hand", town.settings, town.logs) as by_hand,
        baseline("one_route", town.settings, town.logs) as one_route,
        baseline("bare", town.settings, town.logs) as bare,
    ):
        read = Contender(name="ours", server=server, requests=lambda _: town.ask_all("/v1/me"))
        ours, hand, starlette, asgi = side_by_side(
            [
                read,
                Contender(name="by hand", server=by_hand, requests=lambda _: town.ask_all("/v1/me")),
                Contender(name="Starlette", server=one_route, requests=lambda _: [get("/healthz")]),
                Contender(name="bare ASGI", server=bare, requests=lambda _: [get(f"/bytes/{SIZE}")]),
            ],
            town.engine_pids,
            effort,
        )
        return [
            ratio("GET /v1/me", "the same by hand: Starlette + asyncpg", ours, hand, at_least=0.75),
            ratio("GET /v1/me", "Starlette with one route, no database", ours, starlette),
            ratio("GET /v1/me", "a bare ASGI reply", ours, asgi),
            *shares("GET /v1/me", read, effort),
        ]

"""What the frame costs: routing among all routes, access, problems, figures, around a handler that does nothing."""

from benchmarks.findings import Finding, ratio
from benchmarks.measure import Contender, Effort, side_by_side
from benchmarks.servers import banyan, baseline
from benchmarks.town import Town, get


def run(town: Town, effort: Effort) -> list[Finding]:
    """`GET /healthz` of ours beside that of Starlette with this one route, and beside a bare ASGI reply."""
    asked = [get("/healthz")]
    with (
        banyan(town.settings, town.logs) as server,
        baseline("one_route", town.settings, town.logs) as one_route,
        baseline("bare", town.settings, town.logs) as bare,
    ):
        ours, starlette, asgi = side_by_side(
            [
                Contender(name="ours", server=server, requests=lambda _: asked),
                Contender(name="Starlette", server=one_route, requests=lambda _: asked),
                Contender(name="bare ASGI", server=bare, requests=lambda _: asked),
            ],
            town.engine_pids,
            effort,
        )
    return [
        ratio("the frame, on an empty handler", "Starlette with one route", ours, starlette, at_least=0.8),
        ratio("the frame, on an empty handler", "a bare ASGI reply", ours, asgi),
    ]

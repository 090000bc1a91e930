"""The inbox: twenty notices, sealed, in the resident's language."""

from benchmarks.findings import Finding, ratio
from benchmarks.measure import Contender, Effort, side_by_side
from benchmarks.sampling import shares
from benchmarks.servers import banyan, baseline
from benchmarks.town import Town, get

SIZE = 6_300  # bytes, as our answer
PATH = "/v1/inbox?limit=20"


def run(town: Town, effort: Effort) -> list[Finding]:
    """Beside a bare reply of the same size, and beside the same page as people first write it."""
    with (
        banyan(town.settings, town.logs) as server,
        baseline("first_way", town.settings, town.logs) as first_way,
        baseline("bare", town.settings, town.logs) as bare,
    ):
        reading = Contender(name="ours", server=server, requests=lambda _: town.ask_all(PATH))
        ours, first, asgi = side_by_side(
            [
                reading,
                Contender(name="first way", server=first_way, requests=lambda _: town.ask_all(PATH)),
                Contender(name="bare ASGI", server=bare, requests=lambda _: [get(f"/bytes/{SIZE}")]),
            ],
            town.engine_pids,
            effort,
        )
        return [
            ratio("inbox, 20 notices (GET /v1/inbox)", "a bare ASGI reply", ours, asgi, at_least=0.25),
            ratio("inbox, 20 notices (GET /v1/inbox)", "the way people first write it", ours, first, at_least=25),
            *shares("GET /v1/inbox", reading, effort),
        ]

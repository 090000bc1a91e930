"""The web process itself: how fast it is there, what it weighs, and what a second one adds."""

import time
from statistics import median

import psutil

from app_server.embedded.processes import free_port
from benchmarks import load
from benchmarks.findings import Finding, Line, amount
from benchmarks.measure import Contender, Effort, alongside, side_by_side
from benchmarks.servers import Server, banyan, cpu_seconds
from benchmarks.town import Town

MIB = 2**20


def run(town: Town, effort: Effort) -> list[Finding]:
    """`banyan serve` from the command to ready; its memory after a load; two of them beside one."""
    seconds, used, weights = [], [], []
    for _ in range(effort.repeats):
        began = time.perf_counter()
        with banyan(town.settings, town.logs) as server:
            seconds.append(time.perf_counter() - began)
            used.append(cpu_seconds(server.pid))
            load.run(_reading(town, server).load(town.ask_all("/v1/me"), effort.seconds))
            weights.append(psutil.Process(server.pid).memory_info().rss / MIB)
    return [
        amount(
            "`banyan serve`, from the command to ready",
            median(seconds),
            "s",
            at_most=2,
            beside=f"{median(used):.1f} s of CPU",
        ),
        amount("memory of a web process after a load", median(weights), "MiB", at_most=120),
        _two(town, effort),
    ]


def _two(town: Town, effort: Effort) -> Line:
    """What two processes under load at once can answer, by the CPU of a request, beside one alone.

    By CPU, not by the clock: the load itself and PostgreSQL need the same processors, on a small machine all of them.
    """
    with banyan(town.settings, town.logs) as one, banyan(town.settings, town.logs, port=free_port()) as two:
        pair = [_reading(town, one), _reading(town, two)]
        (alone,) = side_by_side(pair[:1], town.engine_pids, effort)
        together = alongside(pair, effort)
        factor = 2 * alone.median(lambda figure: figure.server) / together
    return Line(
        subject=f"two web processes ({together:.0f} µs a request in each)",
        beside="one, alone",
        measured=f"{factor:.2f} ×",
        goal="≥ 1.65 ×",
        met=factor >= 1.65,
        theirs=alone,
    )


def _reading(town: Town, server: Server) -> Contender:
    return Contender(name="ours", server=server, requests=lambda _: town.ask_all("/v1/me"))

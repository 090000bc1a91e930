"""One contender beside another: the same load on each in turn, several times over, and the medians."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import median

from app_server.embedded.processes import tail
from benchmarks import load
from benchmarks.load import Load, Tally
from benchmarks.servers import Server, cpu_seconds

CONNECTIONS = 32
WARM_UP = 0.4  # seconds of load before the first look at the clocks
GOOD = ("200", "201", "202")


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long to measure, and how often."""

    seconds: float = 3.0
    repeats: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A server and what it is asked.

    `requests` makes them for a load of so many seconds; with `once` no request is sent twice.
    """

    name: str
    server: Server
    requests: Callable[[float], list[str]]
    once: bool = False
    connections: int = CONNECTIONS

    def load(self, requests: list[str], seconds: float) -> Load:
        """The requests as a load on the server."""
        return Load(
            port=self.server.port, requests=requests, seconds=seconds, connections=self.connections, once=self.once
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One load. CPU in microseconds a request: of the server, and of PostgreSQL and Valkey together."""

    rate: float
    p50: float
    p99: float
    server: float
    engines: float

    @property
    def cpu(self) -> float:
        """All of it."""
        return self.server + self.engines


@dataclass(slots=True)
class Series:
    """A contender's figures, one a repeat."""

    figures: list[Figure] = field(default_factory=list)

    def median(self, of: Callable[[Figure], float]) -> float:
        """The median of one figure."""
        return median(of(figure) for figure in self.figures)

    def against(self, other: "Series") -> float:
        """How many requests we answer for the CPU that the other needs for one: the median over the repeats."""
        return median(theirs.cpu / ours.cpu for ours, theirs in zip(self.figures, other.figures, strict=True))


def side_by_side(contenders: Sequence[Contender], engines: Sequence[int], effort: Effort) -> list[Series]:
    """The figures of each contender, in order. `engines` are the processes that work for all of them."""
    series = [Series() for _ in contenders]
    for contender in contenders:
        _put(contender, contender.requests(WARM_UP), WARM_UP)
    for _ in range(effort.repeats):
        for contender, figures in zip(contenders, series, strict=True):
            figures.figures.append(_measure(contender, engines, effort.seconds))
    return series


def _measure(contender: Contender, engines: Sequence[int], seconds: float) -> Figure:
    requests = contender.requests(seconds)
    server, others = cpu_seconds(contender.server.pid), sum(map(cpu_seconds, engines))
    tally = _put(contender, requests, seconds)
    server, others = cpu_seconds(contender.server.pid) - server, sum(map(cpu_seconds, engines)) - others
    return Figure(
        rate=tally.answered / tally.seconds,
        p50=tally.p50,
        p99=tally.p99,
        server=1e6 * server / tally.answered,
        engines=1e6 * others / tally.answered,
    )


def _put(contender: Contender, requests: list[str], seconds: float) -> Tally:
    try:
        tally = load.run(contender.load(requests, seconds))
    except load.LoadFailed as failure:
        raise RuntimeError(f"{contender.name}: {failure}\n{tail(contender.server.log)[-1500:]}") from None
    if bad := {status: count for status, count in tally.statuses.items() if status not in GOOD}:
        raise RuntimeError(f"{contender.name} answered {bad}\n{tail(contender.server.log)[-1500:]}")
    return tally


def alongside(contenders: Sequence[Contender], effort: Effort) -> float:
    """Microseconds of CPU for a request when all of them are under load at the same time: the median."""
    costs = []
    for _ in range(effort.repeats):
        used = [cpu_seconds(contender.server.pid) for contender in contenders]
        with ThreadPoolExecutor() as threads:
            tallies = list(threads.map(lambda one: _put(one, one.requests(effort.seconds), effort.seconds), contenders))
        for contender, before, tally in zip(contenders, used, tallies, strict=True):
            costs.append(1e6 * (cpu_seconds(contender.server.pid) - before) / tally.answered)
    return median(costs)

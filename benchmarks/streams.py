"""Open event streams: what each weighs in the web process, and how soon a notice is there."""

import psutil

from benchmarks import listeners
from benchmarks.findings import Finding, amount
from benchmarks.measure import Effort
from benchmarks.servers import banyan
from benchmarks.town import Town

FEW, MANY = 2_000, 10_000
SPARE = 500  # file descriptors that are not streams


def run(town: Town, effort: Effort) -> list[Finding]:
    """Two thousand streams; in a whole run also ten thousand, or as many as the limit of open files allows."""
    most = listeners.raise_limit()
    counts = [FEW] if effort.repeats == 1 else [FEW, min(MANY, most - SPARE)]
    found: list[Finding] = []
    for count in counts:
        with banyan(town.settings, town.logs) as server:
            process = psutil.Process(server.pid)
            with listeners.listening(town, 100):  # what the first of them load stays out of the sum
                pass
            before = process.memory_info().rss
            with listeners.listening(town, count) as crowd:
                each = (process.memory_info().rss - before) / count / 1024
                delays = sorted(crowd.tell(town))
        found += [
            amount(f"memory of an open stream, of {count:,}", each, "KiB", at_most=16),
            amount(
                f"a notice to one resident, p99, with {count:,} open", delays[len(delays) * 99 // 100], "ms", at_most=5
            ),
        ]
    return found

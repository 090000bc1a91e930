"""Latencies as a histogram that adds up: over processes, minutes and days. Pure.

Bounds grow by about a third each, so a percentile read from the histogram is off by less than that.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

BOUNDS_MS: tuple[float, ...] = (
    *(1, 1.5, 2, 3, 4, 5, 7, 10, 14, 20, 30, 40, 50, 70, 100, 140, 200, 300, 400, 500, 700),
    *(1_000, 1_400, 2_000, 3_000, 4_000, 5_000, 7_000, 10_000, 14_000, 20_000, 30_000),
)
SIZE = len(BOUNDS_MS) + 1  # the last bucket holds what took longer than all bounds


def bucket(milliseconds: float) -> int:
    """The index of the bucket that counts this latency: the first whose bound is not below it."""
    return bisect_left(BOUNDS_MS, milliseconds)


def total(histograms: Iterable[Sequence[int]]) -> list[int]:
    """The histogram of all of them together."""
    summed = [0] * SIZE
    for histogram in histograms:
        for index, count in enumerate(histogram):
            summed[index] += count
    return summed


def percentile(histogram: Sequence[int], share: float) -> float | None:
    """The latency in ms that `share` of the calls did not exceed, interpolated in its bucket; None without calls."""
    calls = sum(histogram)
    if not calls:
        return None
    wanted, below = share * calls, 0
    for index, count in enumerate(histogram):
        if count and below + count >= wanted:
            if index == len(BOUNDS_MS):
                return float(BOUNDS_MS[-1])
            lower = BOUNDS_MS[index - 1] if index else 0.0
            return lower + (BOUNDS_MS[index] - lower) * max(wanted - below, 0) / count
        below += count
    return float(BOUNDS_MS[-1])

"""Percentiles from a histogram are near the true ones, and histograms add up."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app_server.registry.latency import BOUNDS_MS, SIZE, bucket, percentile, total

latencies = st.lists(st.floats(0.01, 29_000), min_size=1, max_size=300)


def histogram(values: list[float]) -> list[int]:
    counted = [0] * SIZE
    for value in values:
        counted[bucket(value)] += 1
    return counted


@given(latencies)
def test_the_95th_percentile_lies_in_the_bucket_of_the_true_one(values: Any) -> None:
    true = sorted(values)[max(0, -(-95 * len(values) // 100) - 1)]
    found = percentile(histogram(values), 0.95)
    assert found is not None
    upper = BOUNDS_MS[bucket(true)]
    lower = BOUNDS_MS[bucket(true) - 1] if bucket(true) else 0
    assert lower <= found <= upper


@given(latencies, latencies)
def test_two_processes_together_are_one(first: Any, second: Any) -> None:
    assert total([histogram(first), histogram(second)]) == histogram(first + second)


def test_no_calls_have_no_percentile_and_endless_ones_have_the_last_bound() -> None:
    assert percentile([0] * SIZE, 0.95) is None
    assert percentile(histogram([100_000.0]), 0.95) == BOUNDS_MS[-1]

"""The breaker and the bucket, against plain models of what they promise."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app_server.gateway.breaker import COOL_OFF, FEWEST, JITTER, LONGEST, PROBE_LEASE, SHARE, WINDOW, Breaker, Pass
from app_server.gateway.buckets import Bucket

steps = st.lists(st.tuples(st.floats(0, 3), st.booleans(), st.floats(0, 0.999)), max_size=200)


@given(steps)
def test_it_opens_exactly_when_half_of_at_least_twenty_recent_calls_failed(history: Any) -> None:
    breaker, now, calls = Breaker(), 1000.0, []
    for pause, ok, chance in history:
        now += pause
        if breaker.admit(now) is not Pass.NORMAL:
            return
        breaker.record(Pass.NORMAL, ok, now, chance)
        calls.append((int(now), ok))
        recent = [good for second, good in calls if second > int(now) - WINDOW]
        failed = recent.count(False)
        assert breaker.is_open is (not ok and len(recent) >= FEWEST and failed >= SHARE * len(recent))


def opened(chance: float = 0.5) -> tuple[Breaker, float]:
    breaker = Breaker()
    for _ in range(FEWEST):
        breaker.record(Pass.NORMAL, False, 0.0, chance)
    assert breaker.is_open
    return breaker, 0.0


@given(st.floats(0, 0.999))
def test_nothing_goes_through_while_it_rests_and_then_one_probe_goes(chance: Any) -> None:
    breaker, _ = opened(chance)
    assert breaker.admit(COOL_OFF * (1 - JITTER) - 0.01) is Pass.REFUSED
    assert breaker.rests(COOL_OFF * (1 - JITTER) - 0.01)
    later = COOL_OFF * (1 + JITTER)
    assert breaker.admit(later) is Pass.PROBE
    assert [breaker.admit(later + n / 10) for n in range(10)] == [Pass.REFUSED] * 10
    breaker.record(Pass.PROBE, True, later, chance)
    assert breaker.admit(later) is Pass.NORMAL


@given(st.lists(st.floats(0, 0.999), min_size=1, max_size=12))
def test_failed_probes_come_more_and_more_seldom_but_never_stop(chances: Any) -> None:
    breaker, now = opened(chances[0])
    for failures, chance in enumerate(chances, start=1):
        wait = min(COOL_OFF * 2 ** (failures - 1), LONGEST) * (1 + JITTER)
        now += wait
        assert breaker.admit(now) is Pass.PROBE
        breaker.record(Pass.PROBE, False, now, chance)
        assert breaker.admit(now + min(COOL_OFF * 2**failures, LONGEST) * (1 - JITTER) - 0.01) is Pass.REFUSED
    assert 1 <= breaker.retry_after(now) <= LONGEST * (1 + JITTER)


def test_a_probe_whose_caller_left_is_given_to_the_next_and_a_lost_one_comes_back() -> None:
    breaker, _ = opened()
    assert breaker.admit(10) is Pass.PROBE
    breaker.abandon(Pass.PROBE, 10.5)
    assert breaker.admit(10.5) is Pass.PROBE
    assert breaker.admit(10.5 + PROBE_LEASE - 1) is Pass.REFUSED
    assert breaker.admit(10.5 + PROBE_LEASE) is Pass.PROBE


def test_stragglers_from_before_neither_close_it_nor_hold_it_open() -> None:
    breaker, _ = opened()
    breaker.record(Pass.NORMAL, True, 1, 0.5)
    assert breaker.is_open
    assert breaker.admit(10) is Pass.PROBE
    breaker.record(Pass.NORMAL, False, 10, 0.5)
    breaker.record(Pass.PROBE, True, 10, 0.5)
    assert breaker.admit(10) is Pass.NORMAL


@given(st.integers(1, 50), st.integers(1, 50), st.lists(st.floats(0, 2), max_size=200))
def test_a_bucket_gives_no_more_than_its_burst_and_its_rate(rate: Any, burst: Any, pauses: Any) -> None:
    bucket, now, given_out = Bucket(rate, burst), 0.0, 0
    for pause in pauses:
        now += pause
        given_out += bucket.take(now)
        assert given_out <= burst + rate * now + 1e-6


def test_a_bucket_fills_again() -> None:
    bucket = Bucket(10, 2)
    assert [bucket.take(5), bucket.take(5), bucket.take(5)] == [True, True, False]
    assert [bucket.take(5.11), bucket.take(5.11)] == [True, False]

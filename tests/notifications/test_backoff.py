"""When a text message is tried again."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from notifications.backoff import LONGEST_PAUSE, MOST_ATTEMPTS, next_attempt

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
DAY = NOW + timedelta(days=1)


def pause(
    attempts: int, *, expires_at: datetime = DAY, retry_after: timedelta | None = None, jitter: float = 0
) -> timedelta | None:
    at = next_attempt(attempts=attempts, now=NOW, expires_at=expires_at, retry_after=retry_after, jitter=jitter)
    return at - NOW if at else None


def test_pauses_double() -> None:
    assert [pause(n) for n in (1, 2, 3, 4)] == [timedelta(seconds=s) for s in (1, 2, 4, 8)]


def test_the_carrier_may_ask_for_a_longer_pause_but_not_for_a_shorter_one() -> None:
    assert pause(1, retry_after=timedelta(seconds=30)) == timedelta(seconds=30)
    assert pause(4, retry_after=timedelta(seconds=1)) == timedelta(seconds=8)


def test_a_code_is_not_sent_after_it_has_expired() -> None:
    assert pause(3, expires_at=NOW + timedelta(seconds=4)) is None
    assert pause(3, expires_at=NOW + timedelta(seconds=5)) == timedelta(seconds=4)


@given(st.integers(0, 40), st.floats(0, 1))
def test_after_the_last_attempt_comes_none(attempts: int, jitter: float) -> None:
    at = pause(attempts, jitter=jitter)
    assert (at is None) == (attempts >= MOST_ATTEMPTS)
    assert at is None or timedelta(seconds=1) <= at <= LONGEST_PAUSE * 1.5

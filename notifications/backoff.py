"""When to try a text message again, and when to give it up (pure)."""

from datetime import datetime, timedelta

MOST_ATTEMPTS = 8
FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=10)


def next_attempt(
    *, attempts: int, now: datetime, expires_at: datetime, retry_after: timedelta | None, jitter: float
) -> datetime | None:
    """The time of the next attempt after `attempts` failed ones; None when it is time to give up.

    Pauses double from one second; `jitter` in 0..1 adds up to half of the pause. What the carrier asks for
    (Retry-After) is honoured when it is longer. A message is never sent at or after `expires_at`.
    """
    if attempts >= MOST_ATTEMPTS:
        return None
    pause = min(FIRST_PAUSE * 2 ** max(attempts - 1, 0), LONGEST_PAUSE)
    at = now + max(pause * (1 + jitter / 2), retry_after or timedelta(0))
    return at if at < expires_at else None

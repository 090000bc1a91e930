"""A token bucket: so many calls a second, with room for a burst. Pure."""


class Bucket:
    """Full at first; `take` removes one token, which come back at `rate` a second up to `burst`."""

    __slots__ = ("_burst", "_rate", "_tokens", "_when")

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._when = 0.0

    def take(self, now: float) -> bool:
        """Whether there was a token; `now` in seconds on any steady clock."""
        if now > self._when:
            self._tokens = min(self._burst, self._tokens + (now - self._when) * self._rate)
            self._when = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

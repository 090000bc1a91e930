"""Rate limits: fixed windows counted in Valkey, one command pair a check, in one round trip."""

from dataclasses import dataclass
from datetime import timedelta

from app_server.kernel.problems import TooManyRequests
from app_server.kernel.redis import Redis, RedisUnavailable

_SCRIPT = (
    "local n = redis.call('INCR', KEYS[1])"
    " if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end"
    " return {n, redis.call('PTTL', KEYS[1])}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """At most `most` in each window of `per`."""

    most: int
    per: timedelta


async def limit(redis: Redis, name: str, key: str, rate: Rate, *, fail_open: bool = True) -> None:
    """Count one more for `key`. Raises `too_many_requests` with Retry-After.

    Without Valkey the limit is not held (`fail_open`), or `RedisUnavailable` is raised.
    """
    try:
        count, left = await redis.call("EVAL", _SCRIPT, 1, f"limit:{name}:{key}", int(rate.per.total_seconds() * 1000))
    except RedisUnavailable:
        if fail_open:
            return
        raise
    if count > rate.most:
        seconds = max(1, -(-int(left) // 1000))
        raise TooManyRequests(headers={"Retry-After": str(seconds)}, retry_after=seconds)

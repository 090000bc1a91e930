"""What the gateway counts: kept in memory on the hot path, stored every few seconds, and shown to Prometheus."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from weakref import WeakSet

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from app_server.gateway.gateway import Gateway
from app_server.kernel.logs import logger
from app_server.registry import usage
from app_server.registry.latency import BOUNDS_MS
from app_server.registry.usage import MinuteOfCalls

EVERY = 3.0  # seconds between stores

log = logger(__name__)


async def store(gateway: Gateway) -> None:
    """Add what was counted since the last time to the listings' usage; what cannot be stored waits for the next."""
    taken = [(site, site.tally.take()) for site in gateway.sites()]
    minutes = [
        MinuteOfCalls(
            app_id=site.app_id,
            minute=datetime.fromtimestamp(minute * 60, UTC),
            calls=count.calls,
            errors=count.errors,
            histogram=count.histogram,
        )
        for site, counts in taken
        for minute, count in counts.items()
    ]
    if not minutes:
        return
    try:
        await usage.add(minutes)
    except Exception as error:
        log.warning("usage_not_stored", reason=type(error).__name__)
        for site, counts in taken:
            site.tally.give_back(counts)


async def keep_storing(gateway: Gateway) -> None:
    """Store again and again until cancelled, and once more then."""
    try:
        while True:
            await asyncio.sleep(EVERY)
            await asyncio.get_running_loop().create_task(store(gateway))
    except asyncio.CancelledError:
        with suppress(Exception):
            await store(gateway)
        raise


class _Figures(Collector):
    """The gateways of this process, one in life and several in tests."""

    def __init__(self) -> None:
        self.gateways: WeakSet[Gateway] = WeakSet()

    def collect(self) -> Iterator[Metric]:
        """Counted when asked, so that a call costs nothing for it."""
        calls = CounterMetricFamily("banyan_miniapp_calls", "Calls to a mini-app", labels=["app_id"])
        errors = CounterMetricFamily("banyan_miniapp_errors", "Calls that failed", labels=["app_id"])
        seconds = HistogramMetricFamily("banyan_miniapp_seconds", "Time until the answer was there", labels=["app_id"])
        breaker = GaugeMetricFamily("banyan_miniapp_breaker_open", "1 while calls are held back", labels=["app_id"])
        for gateway in self.gateways:
            for site in gateway.sites():
                label, total = [site.app_id], site.tally.total
                calls.add_metric(label, total.calls)
                errors.add_metric(label, total.errors)
                breaker.add_metric(label, float(site.breaker.is_open))
                running, buckets = 0, []
                for bound, count in zip([str(ms / 1000) for ms in BOUNDS_MS] + ["+Inf"], total.histogram, strict=True):
                    running += count
                    buckets.append((bound, running))
                seconds.add_metric(label, buckets, sum_value=total.milliseconds / 1000)
        yield from (calls, errors, seconds, breaker)


FIGURES = _Figures()
REGISTRY.register(FIGURES)

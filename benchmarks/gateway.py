"""The gateway passing on a mini-app's answer of 2 kB, beside others in its place."""

from benchmarks.findings import Finding, Line, ratio
from benchmarks.measure import Contender, Effort, side_by_side
from benchmarks.nginx import nginx
from benchmarks.sampling import shares
from benchmarks.servers import banyan, baseline
from benchmarks.town import Town, get

PATH = "/bytes/2000"
BROWSER = (
    "user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
    "accept-encoding: gzip, deflate, br",
    "sec-fetch-mode: cors",
    "referer: http://library.localhost:8000/",
    "authorization: Bearer abcdefghijklmnopqrstuvwxyz",
)


def run(town: Town, effort: Effort) -> list[Finding]:
    """Ours with limits, breaker, counts and signature; an aiohttp handler and nginx with none of them; nobody at all.

    All of them call the same mini-app, a bare ASGI reply. CPU is that of the process in between, not the mini-app's.
    """
    port = town.neighbour_port
    with (
        baseline("bare", town.settings, town.logs, port) as app,
        banyan(town.settings, town.logs) as server,
        baseline("aiohttp_proxy", town.settings, town.logs, UPSTREAM=str(port)) as aiohttp,
        nginx(town.logs, upstream=port) as proxy,
    ):
        through = Contender(name="ours", server=server, requests=lambda _: _to_everybody(town))
        contenders = [
            through,
            Contender(name="aiohttp", server=aiohttp, requests=_plain),
            Contender(name="the mini-app itself", server=app, requests=_plain),
        ]
        if proxy:
            contenders.append(Contender(name="nginx", server=proxy, requests=_plain))
        ours, handler, direct, *others = side_by_side(contenders, [], effort)
        return [
            ratio("gateway, 2 kB", "an aiohttp handler", ours, handler, at_least=2),
            *[ratio("gateway, 2 kB", "nginx", ours, series, at_least=0.25) for series in others],
            *([] if others else [Line(subject="gateway, 2 kB", beside="nginx", measured="nginx is not installed")]),
            ratio("gateway, 2 kB", "the mini-app called directly (its own CPU)", ours, direct),
            *shares("a request through the gateway", through, effort),
        ]


def _plain(seconds: float) -> list[str]:
    return [get(PATH, *BROWSER)]


def _to_everybody(town: Town) -> list[str]:
    return [get(PATH, *BROWSER, host=f"{app_id}.localhost:{town.settings.port}") for app_id in town.neighbours]

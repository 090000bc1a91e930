"""A resident shows a card, and a reader asks whether the code is good."""

import asyncio
import time
from datetime import UTC, datetime

import orjson

from app_server.kernel.redis import Redis
from benchmarks.findings import Finding, ratio
from benchmarks.measure import Contender, Effort, side_by_side
from benchmarks.sampling import shares
from benchmarks.servers import banyan, baseline
from benchmarks.town import Town, post
from card_wallet import codes, handles

MOST = 5_000  # scans a second that no contender reaches


def run(town: Town, effort: Effort) -> list[Finding]:
    """Beside the same routes written by hand, with the same authentication and the same tables."""
    path = "/v1/cards/{card}/code"
    with banyan(town.settings, town.logs) as server, baseline("by_hand", town.settings, town.logs) as by_hand:
        ours, hand = side_by_side(
            [
                Contender(name="ours", server=server, requests=lambda _: town.ask_all(path)),
                Contender(name="by hand", server=by_hand, requests=lambda _: town.ask_all(path)),
            ],
            town.engine_pids,
            effort,
        )
        verifying = Contender(name="ours", server=server, requests=lambda s: _scans(town, s), once=True)
        our_scans, hand_scans = side_by_side(
            [verifying, Contender(name="by hand", server=by_hand, requests=lambda s: _scans(town, s), once=True)],
            town.engine_pids,
            effort,
        )
        return [
            ratio("show a card (GET /v1/cards/{id}/code)", "by hand: asyncpg + redis-py", ours, hand, at_least=1.5),
            ratio(
                "verify (POST /v1/verifications)", "by hand: asyncpg + redis-py", our_scans, hand_scans, at_least=1.5
            ),
            *shares("POST /v1/verifications", verifying, effort),
        ]


def _scans(town: Town, seconds: float) -> list[str]:
    """Requests of one reader, each for a code that is shown now."""
    shown = asyncio.run(_show(town, int(MOST * seconds)))
    bearer = f"authorization: Bearer {town.reader_token}"
    return [
        post("/v1/verifications", "application/json", orjson.dumps({"code": code}).decode(), bearer) for code in shown
    ]


async def _show(town: Town, count: int) -> list[str]:
    redis, now = Redis(town.settings.redis_url), datetime.fromtimestamp(int(time.time()), UTC)
    try:
        made = []
        for start in range(0, count, 500):
            shown = [town.citizens[number % len(town.citizens)] for number in range(start, min(start + 500, count))]
            made += await asyncio.gather(
                *(
                    handles.keep(
                        redis,
                        town.keys,
                        handles.Shown(
                            card_id=citizen.card_id,
                            resident_id=citizen.id,
                            app_id="library",
                            card_type="library-card",
                            shown_at=now,
                        ),
                    )
                    for citizen in shown
                )
            )
        return [codes.write(each.handle) for each in made]
    finally:
        await redis.close()

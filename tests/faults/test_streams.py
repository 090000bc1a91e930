"""The web process is asked to end while two hundred pages follow their inbox."""

import asyncio
import random

import aiohttp
import pytest

from tests.faults.conftest import Size
from tests.faults.crowd import POOL_SCOPES, Visitor
from tests.faults.journal import Journal
from tests.faults.outside import PAUSE, Outside
from tests.faults.residents import Page, signed_in
from tests.faults.town import Town

STREAMS = 200
EACH = 5  # pages that one resident has open
ENDS_WITHIN = 10.0


@pytest.mark.timeout(600)
async def test_streams_end_with_the_process_and_resume_with_nothing_missing_and_nothing_twice(
    the_town: Town, journal: Journal, size: Size, dice: random.Random
) -> None:
    residents = (STREAMS if size.whole else STREAMS // 2) // EACH
    async with Outside(the_town) as outside, aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        visitors = [await signed_in(outside, journal, dice) for _ in range(residents)]
        for visitor in visitors:
            await visitor.allow("pool", POOL_SCOPES)
        pages = [Page(visitor) for visitor in visitors for _ in range(EACH)]
        following = [asyncio.create_task(page.stay(http, outside)) for page in pages]
        telling = asyncio.create_task(_tell(visitors, rounds=12))
        try:
            async with asyncio.timeout(60):
                await asyncio.gather(*(page.seen.opened.wait() for page in pages))
            await the_town.until(
                lambda: all(page.seen.positions for page in pages), within=60, what="the first notices"
            )
            seconds = await the_town.web.asked_to_end(within=ENDS_WITHIN)
            the_town.web.start()
            await the_town.web.until_ready()
            told = await telling
            await the_town.until(
                lambda: all(page.seen.positions[-1:] == [told] for page in pages), within=60, what="the last notices"
            )
        finally:
            for task in (*following, telling):
                task.cancel()
            await asyncio.gather(*following, telling, return_exceptions=True)
    assert all(page.seen.positions == list(range(1, told + 1)) for page in pages), [p.seen.positions for p in pages]
    assert all(page.goodbyes >= 1 for page in pages), "every stream was told when to come back"
    print(f"{len(pages)} streams, exit after {seconds:.1f} s, {told} notices to each, none missing, none twice")


async def _tell(visitors: list[Visitor], *, rounds: int) -> int:
    """Send everybody so many notices, while the process ends and after; how many."""
    for _ in range(rounds):
        for visitor in visitors:
            await visitor.hear_from_pool()
        await asyncio.sleep(PAUSE)
    return rounds

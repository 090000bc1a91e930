"""Valkey may be lost at any moment: the core goes on, one-time codes wait, nothing is missing afterwards."""

import asyncio
import random
import time

import aiohttp
import pytest
from redis import Redis

from tests.faults.conftest import Size
from tests.faults.crowd import Crowd, Visitor
from tests.faults.journal import Journal
from tests.faults.outside import PAUSE, Outside, Phones
from tests.faults.reckoning import reckon
from tests.faults.residents import settled_in, signed_in, stream
from tests.faults.town import Town

AWAY = 30  # seconds
BACK_WITHIN = 5.0
NEEDS_VALKEY = ("POST /v1/sign-in/challenges ", "POST /v1/verifications ")  # and GET /v1/cards/{id}/code
READS = (
    "/v1/me",
    "/v1/districts",
    "/v1/inbox",
    "/v1/ledger",
    "/v1/cards",
    "/v1/consents",
    "/v1/miniapps",
    "/v1/miniapps/library",
    "/healthz",
    "/readyz",
    "/",
    "/.well-known/jwks.json",
)


def unexpected(errors: list[str]) -> list[str]:
    """The 5xx of what the core promises without Valkey."""
    return [e for e in errors if not e.startswith(NEEDS_VALKEY) and "/code 503 cards_offline" not in e]


@pytest.mark.timeout(900)
async def test_a_flush_and_an_empty_restart_lose_nothing(
    the_town: Town, journal: Journal, size: Size, dice: random.Random
) -> None:
    some = size.of(500)
    async with Crowd(the_town, journal, dice, at_once=8).at_work() as crowd:
        await crowd.until_acknowledged(some)
        with Redis.from_url(the_town.settings.redis_url) as valkey:
            valkey.flushall()
        await crowd.until_acknowledged(some)
        the_town.valkey.kill()
        the_town.valkey.start()
        await crowd.until_acknowledged(some)
        the_town.valkey.kill()
        await the_town.web.killed_and_back()  # it starts without Valkey, too
        the_town.valkey.start()
        await crowd.until_acknowledged(some)
    await reckon(the_town, journal)
    print(f"{journal.acknowledged} acknowledged, {journal.repeats} sent again, a flush and two restarts, 0 lost")
    assert not unexpected(crowd.outside.server_errors)


@pytest.mark.timeout(900)
async def test_without_valkey_the_core_goes_on_and_codes_wait(
    the_town: Town, journal: Journal, size: Size, dice: random.Random
) -> None:
    async with Outside(the_town) as outside, aiohttp.ClientSession() as http:
        visitors = [await settled_in(outside, journal, dice) for _ in range(3)]
        lin = visitors[0]
        async with stream(http, outside, lin) as seen:
            the_town.valkey.kill()
            await the_town.worker.killed_and_back()  # it starts without Valkey; the other one has seen it go
            ends = time.monotonic() + size.of(AWAY) * (1 if size.whole else 2)
            while time.monotonic() < ends:
                for visitor in visitors:
                    await _an_hour_without_valkey(outside, visitor)
            told = await _tell(outside, lin)
            await the_town.until(
                lambda: told in seen.positions, within=10, what="the notice came by poll, without a hint"
            )
            await _codes_fail_closed(outside, lin)
            assert not unexpected(outside.server_errors)
            the_town.valkey.start()
            back = await _until_back(outside, lin, dice)
        assert back < BACK_WITHIN, f"back after {back:.1f} s"
        newcomer = await signed_in(outside, journal, dice)
        await newcomer.change_name()
        await lin.show_library_card()
        assert not unexpected(outside.server_errors)
    await reckon(the_town, journal)
    print(f"{journal.acknowledged} acknowledged while Valkey was away, back after {back:.1f} s, 0 lost")


async def _an_hour_without_valkey(outside: Outside, visitor: Visitor) -> None:
    """Everything that the core promises; `server_errors` of `outside` has what went wrong."""
    me = {"authorization": f"Bearer {visitor.token}"}
    for path in READS:
        answer = await outside.ask("GET", path, headers=me)
        assert answer is not None and answer.status < 500, (path, answer)
    await visitor.change_name()
    await visitor.allow("pool", ["notices:send"])
    await visitor.enter_library()
    await visitor.borrow()
    await visitor.give_back()
    await visitor.get_pool_card()
    await visitor.hear_from_pool()
    await visitor.read_newest()


async def _tell(outside: Outside, visitor: Visitor) -> int:
    """Send a notice; its position."""
    await visitor.hear_from_pool()
    me = {"authorization": f"Bearer {visitor.token}"}
    items = (await outside.insist("GET", "/v1/inbox", headers=me)).body["items"]
    return int(items[0]["position"])


async def _codes_fail_closed(outside: Outside, visitor: Visitor) -> None:
    """No limit can be held, so no code is sent; nothing can be shown or scanned; each is said at once, and kindly."""
    before = await outside.town.rows("SELECT count(*) FROM core_sign_in_challenge")
    for number in range(20):
        asked = {"phone": f"+86139111122{number:02}"}
        refused = await outside.ask("POST", "/v1/sign-in/challenges", json=asked)
        assert refused is not None and (refused.status, refused.code) == (503, "temporarily_unavailable")
        assert "retry-after" in refused.headers
    assert await outside.town.rows("SELECT count(*) FROM core_sign_in_challenge") == before
    card = await visitor.library_card()
    shown = await outside.ask("GET", f"/v1/cards/{card}/code", headers={"authorization": f"Bearer {visitor.token}"})
    assert shown is not None and (shown.status, shown.code) == (503, "cards_offline")


async def _until_back(outside: Outside, visitor: Visitor, dice: random.Random) -> float:
    """The seconds until a code is sent and arrives, and a card can be shown."""
    begun = time.monotonic()
    phone = f"+8613{dice.randrange(10**9):09}"
    while True:
        asked = await outside.ask("POST", "/v1/sign-in/challenges", json={"phone": phone})
        if asked is not None and asked.status == 202:
            break
        await asyncio.sleep(PAUSE)
    card, me = await visitor.library_card(), {"authorization": f"Bearer {visitor.token}"}
    shown = await outside.insist("GET", f"/v1/cards/{card}/code", headers=me)
    assert shown.status == 200
    print(f"codes again after {time.monotonic() - begun:.2f} s")
    assert await Phones(outside).code(phone) is not None
    print(f"the message arrived after {time.monotonic() - begun:.2f} s")
    return time.monotonic() - begun

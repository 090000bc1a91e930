"""The city is killed after it has kept a code's redemption and before it has answered: the client asks again."""

import asyncio
import random

import pytest

from app_server.kernel.crypto import token_hash
from tests.faults.clinic import settled
from tests.faults.conftest import Size
from tests.faults.journal import Journal
from tests.faults.outside import Answer, Outside
from tests.faults.town import Town

ROUNDS, AT_ONCE = 20, 20


@pytest.mark.timeout(1800)
async def test_a_client_whose_answer_was_lost_gets_the_session_that_its_code_opened(
    the_town: Town, journal: Journal, size: Size, dice: random.Random
) -> None:
    lost = rounds = 0
    async with Outside(the_town) as outside:
        clinic = await settled(the_town, outside, journal, dice)
        while rounds < size.of(ROUNDS) or not lost:  # a kill may come too early or too late; one at least must not
            rounds += 1
            codes = await clinic.codes(AT_ONCE)
            asked = [asyncio.create_task(outside.ask("POST", "/oauth/token", **clinic.trade(code))) for code in codes]
            await _until_one_is_kept(the_town, codes)
            the_town.web.kill()
            answers = await asyncio.gather(*asked)
            the_town.web.start()
            await the_town.web.until_ready()
            lost += await _kept_and_not_answered(the_town, codes, answers)
            again = [await outside.insist("POST", "/oauth/token", **clinic.trade(code)) for code in codes]
            assert [answer.status for answer in again] == [200] * AT_ONCE, again
            for first, second in zip(answers, again, strict=True):
                assert first is None or first.body["refresh_token"] == second.body["refresh_token"]
            for answer in again:
                form = {"grant_type": "refresh_token", "client_id": clinic.client_id}
                form |= {"refresh_token": answer.body["refresh_token"]}
                assert (await outside.insist("POST", "/oauth/token", data=form)).status == 200
            opened = await the_town.rows("SELECT 1 FROM core_session WHERE client_id = $1", clinic.client_id)
            assert len(opened) == AT_ONCE * rounds
    print(f"{rounds} kills, {lost} answers lost after they were kept, {AT_ONCE * rounds} sessions for as many codes")


async def _until_one_is_kept(town: Town, codes: list[str]) -> None:
    sql = "SELECT 1 FROM core_launch_code WHERE code_hash = ANY($1) AND used_at IS NOT NULL"
    async with asyncio.timeout(60):
        while not await town.rows(sql, [token_hash(code) for code in codes]):
            pass


async def _kept_and_not_answered(town: Town, codes: list[str], answers: list[Answer | None]) -> int:
    unanswered = [token_hash(code) for code, answer in zip(codes, answers, strict=True) if answer is None]
    sql = "SELECT 1 FROM core_launch_code WHERE code_hash = ANY($1) AND used_at IS NOT NULL"
    return len(await town.rows(sql, unanswered))

"""Whatever is good once, a hundred times at once, at two processes: one winner."""

import asyncio
import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from app_server.kernel.clock import system_clock
from app_server.kernel.crypto import token_hash
from app_server.kernel.ids import uuid7
from tests.faults.clinic import Clinic, settled
from tests.faults.conftest import Size
from tests.faults.journal import Journal
from tests.faults.outside import Answer, Outside
from tests.faults.town import Town

AT_ONCE = 100
ROUNDS, FEW = 1000, 10
NUMBER, CODE = "+8613600000001", "123456"


@pytest.mark.timeout(3600)
async def test_one_code_one_refresh_token_and_one_phone_code_each_have_one_winner(
    the_town: Town, journal: Journal, size: Size, dice: random.Random
) -> None:
    async with Outside(the_town) as one:
        clinic = await settled(the_town, one, journal, dice)
        with the_town.another_web() as port:
            async with Outside(the_town, port) as other:
                for _ in range(ROUNDS if size.whole else FEW):
                    token = await _one_code(clinic, one, other)
                    await _one_refresh_token(clinic, token, one, other)
                    await _one_phone_code(the_town, one, other)
                assert one.server_errors + other.server_errors == []


async def _one_code(clinic: Clinic, one: Outside, other: Outside) -> str:
    """A hundred redemptions are one session; the refresh token that all of them got."""
    before = await _sessions(clinic)
    (code,) = await clinic.codes(1)
    answers = await _at_once(one, other, "/oauth/token", **clinic.trade(code))
    assert Counter(answer.status for answer in answers) == {200: AT_ONCE}
    (token,) = {answer.body["refresh_token"] for answer in answers}
    assert await _sessions(clinic) == before + 1
    return str(token)


async def _one_refresh_token(clinic: Clinic, token: str, one: Outside, other: Outside) -> None:
    """A hundred renewals have one successor, and nobody is taken for a thief."""
    form = {"grant_type": "refresh_token", "client_id": clinic.client_id, "refresh_token": token}
    answers = await _at_once(one, other, "/oauth/token", data=form)
    assert Counter(answer.status for answer in answers) == {200: AT_ONCE}
    (successor,) = {answer.body["refresh_token"] for answer in answers}
    links = await clinic.town.rows(
        "SELECT used_at, token_hash FROM core_refresh_token WHERE session_id ="
        " (SELECT session_id FROM core_refresh_token WHERE token_hash = $1)",
        token_hash(token),
    )
    assert {row["token_hash"]: row["used_at"] is None for row in links} == {
        token_hash(token): False,
        token_hash(successor): True,
    }


async def _one_phone_code(town: Town, one: Outside, other: Outside) -> None:
    """A hundred right answers open one session; five of them are looked at."""
    challenge, now, keys = uuid7(), system_clock(), town.keys
    await town.execute(
        "INSERT INTO core_sign_in_challenge (id, phone_index, phone_sealed, code_hash, locale, attempts, expires_at,"
        " created_at) VALUES ($1, $2, $3, $4, 'en', 0, $5, $6)",
        challenge,
        keys.blind_index("resident.phone", NUMBER).hex(),
        keys.seal("challenge.phone", NUMBER),
        keys.blind_index("challenge.code", f"{challenge}\0{CODE}").hex(),
        now + timedelta(minutes=5),
        now,
    )
    body = {"challenge_id": str(challenge), "code": CODE}
    answers = await _at_once(one, other, "/v1/sign-in/sessions", json=body)
    assert Counter(answer.code for answer in answers) == {"": 1, "challenge_over": AT_ONCE - 1}


async def _at_once(one: Outside, other: Outside, path: str, **options: Any) -> list[Answer]:
    asked = (outside.ask("POST", path, **options) for outside in (one, other) for _ in range(AT_ONCE // 2))
    answers = await asyncio.gather(*asked)
    assert None not in answers
    return [answer for answer in answers if answer is not None]


async def _sessions(clinic: Clinic) -> int:
    (row,) = await clinic.town.rows("SELECT count(*) FROM core_session WHERE client_id = $1", clinic.client_id)
    return int(row["count"])

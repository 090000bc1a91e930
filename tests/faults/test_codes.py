"""One-time codes against people who guess, over real HTTP."""

import asyncio
import random
import statistics
import time
from collections import Counter

import pytest

from tests.faults.conftest import Size
from tests.faults.journal import Journal
from tests.faults.outside import Answer, Outside, Phones
from tests.faults.residents import signed_in
from tests.faults.town import Town

TRIES = 5


async def ask(outside: Outside, phone: str, **headers: str) -> Answer:
    """Ask for a code."""
    answer = await outside.ask("POST", "/v1/sign-in/challenges", json={"phone": phone}, headers=headers)
    assert answer is not None
    return answer


def number(dice: random.Random) -> str:
    """A mobile number."""
    return f"+8613{dice.randrange(10**9):09}"


@pytest.mark.timeout(300)
async def test_a_thousand_guesses_at_once_are_five_tries(the_town: Town, dice: random.Random) -> None:
    async with Outside(the_town) as outside:
        phone = number(dice)
        sent = await ask(outside, phone)
        assert sent.status == 202
        challenge = sent.body["challenge_id"]
        right = await Phones(outside).code(phone)
        assert right is not None
        guesses = dice.sample([f"{n:06}" for n in range(10**6) if f"{n:06}" != right], 1000)
        answers = await asyncio.gather(*(_guess(outside, challenge, code) for code in guesses))
        codes = Counter(answer.code for answer in answers)
        assert codes == {"code_not_accepted": TRIES, "challenge_over": 1000 - TRIES}
        tried = [answer for answer in answers if answer.code == "code_not_accepted"]
        assert sorted(answer.body["tries_left"] for answer in tried) == list(range(TRIES))
        assert (await _guess(outside, challenge, right)).code == "challenge_over"
    index = the_town.keys.blind_index("resident.phone", phone).hex()
    assert not await the_town.rows("SELECT 1 FROM core_resident WHERE phone_index = $1", index)
    attempts = await the_town.rows("SELECT attempts FROM core_sign_in_challenge WHERE phone_index = $1", index)
    assert [row["attempts"] for row in attempts] == [TRIES]


async def test_a_right_code_among_guesses_opens_one_session_or_none(the_town: Town, dice: random.Random) -> None:
    async with Outside(the_town) as outside:
        for _ in range(5):
            phone = number(dice)
            challenge = (await ask(outside, phone)).body["challenge_id"]
            right = await Phones(outside).code(phone)
            assert right is not None
            wrong = f"{(int(right) + 1) % 10**6:06}"
            guesses = [right] * 10 + [wrong] * 10
            dice.shuffle(guesses)
            answers = await asyncio.gather(*(_guess(outside, challenge, code) for code in guesses))
            opened = [answer for answer in answers if answer.status == 201]
            index = the_town.keys.blind_index("resident.phone", phone).hex()
            sessions = await the_town.rows(
                "SELECT 1 FROM core_session s JOIN core_resident r ON r.id = s.resident_id WHERE r.phone_index = $1",
                index,
            )
            assert len(opened) == len(sessions) <= 1


@pytest.mark.timeout(600)
async def test_known_and_unknown_numbers_get_the_same_answer_after_the_same_time(
    the_town: Town, journal: Journal, size: Size, dice: random.Random
) -> None:
    """A difference of the medians counts only when it stands out of the spread of both: noise does not fail this."""
    pairs = 400 if size.whole else 60
    async with Outside(the_town) as outside:
        known = (await signed_in(outside, journal, dice)).phone
        index = the_town.keys.blind_index("resident.phone", known).hex()
        times: dict[str, list[float]] = {"known": [], "unknown": []}
        shapes = set()
        for _ in range(pairs):
            turns = [("known", known), ("unknown", number(dice))]
            dice.shuffle(turns)
            for kind, phone in turns:
                await _forget_limits(the_town, index)
                begun = time.perf_counter()
                answer = await ask(outside, phone)
                times[kind].append(time.perf_counter() - begun)
                same = {**answer.body, "challenge_id": "any"}
                headers = sorted(name.lower() for name in answer.headers)
                shapes.add(f"{answer.status} {same} {headers}")
        assert len(shapes) == 1, shapes
    known_median, unknown_median = (statistics.median(times[kind]) for kind in ("known", "unknown"))
    quartiles = statistics.quantiles(times["known"] + times["unknown"], n=4)
    spread = max(quartiles[2] - quartiles[0], 0.001)
    print(f"medians {known_median * 1000:.2f} and {unknown_median * 1000:.2f} ms, spread {spread * 1000:.2f} ms")
    assert abs(known_median - unknown_median) < 2 * spread


async def test_a_number_and_a_device_may_ask_only_so_often(the_town: Town, dice: random.Random) -> None:
    async with Outside(the_town) as outside:
        phone = number(dice)
        answers = await asyncio.gather(*(ask(outside, phone) for _ in range(50)))
        assert Counter(answer.status for answer in answers) == {202: 1, 429: 49}
        assert all("retry-after" in answer.headers for answer in answers if answer.status == 429)
        device = f"banyan_device=device-{dice.getrandbits(64):016x}"
        answers = await asyncio.gather(*(ask(outside, number(dice), cookie=device) for _ in range(50)))
        assert Counter(answer.status for answer in answers) == {202: 20, 429: 30}
        index = the_town.keys.blind_index("resident.phone", phone).hex()
        for _ in range(4):
            await _forget_limits(the_town, index, "code:resend")
            assert (await ask(outside, phone)).status == 202
        await _forget_limits(the_town, index, "code:resend")
        assert (await ask(outside, phone)).status == 429


async def test_an_address_may_ask_only_so_often_whatever_it_says_of_itself(the_town: Town, dice: random.Random) -> None:
    used = await the_town.in_valkey("GET", "limit:code:address:127.0.0.1")
    allowed = int(used or 0) + 10
    with the_town.another_web(codes_per_address=allowed) as port:
        async with Outside(the_town, port) as outside:
            spoofed = [{"x-forwarded-for": f"10.0.0.{n}", "forwarded": f"for=10.0.0.{n}"} for n in range(50)]
            answers = await asyncio.gather(*(ask(outside, number(dice), **headers) for headers in spoofed))
    assert Counter(answer.status for answer in answers) == {202: 10, 429: 40}
    assert all("retry-after" in answer.headers for answer in answers if answer.status == 429)


async def _guess(outside: Outside, challenge: str, code: str) -> Answer:
    answer = await outside.ask("POST", "/v1/sign-in/sessions", json={"challenge_id": challenge, "code": code})
    assert answer is not None
    return answer


async def _forget_limits(town: Town, index: str, *names: str) -> None:
    """Let a number ask again now, instead of after a minute."""
    await town.in_valkey("DEL", *(f"limit:{name}:{index}" for name in names or ("code:resend", "code:number")))

"""Web, workers and the library are killed with SIGKILL while people use them."""

import random

import pytest

from tests.faults.conftest import Size
from tests.faults.crowd import Crowd
from tests.faults.journal import Journal
from tests.faults.reckoning import reckon
from tests.faults.town import Town

KILLS, OPERATIONS = 30, 5000


@pytest.mark.timeout(1800)
async def test_nothing_acknowledged_is_lost_or_doubled_when_processes_are_killed(
    the_town: Town, journal: Journal, size: Size, dice: random.Random
) -> None:
    kills, operations = size.of(KILLS), size.of(OPERATIONS)
    victims = [the_town.web, the_town.worker, the_town.library, the_town.other_worker]
    killed = [victims[turn % len(victims)] for turn in range(kills)]
    dice.shuffle(killed)
    async with Crowd(the_town, journal, dice).at_work() as crowd:
        for victim in killed:
            await crowd.until_acknowledged(operations // (kills + 1) + dice.randrange(20))
            await victim.killed_and_back()
        await crowd.until_acknowledged(max(1, operations - journal.acknowledged))
    await reckon(the_town, journal)
    print(f"{journal.acknowledged} acknowledged, {journal.repeats} sent again, {kills} kills, 0 lost, 0 doubled")
    print(journal.counts())

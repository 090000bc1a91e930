"""What workers gave up is listed, and tried again once somebody says why."""

import asyncpg
import pytest

from app_server.database import credentials
from app_server.kernel.settings import Settings, SettingsError
from app_server.trying_again import list_dead, revive
from tests.city import open_city
from tests.conftest import EMPTY_ALL

GIVEN_UP = """
INSERT INTO core_job (id, name, payload, unique_key, state, attempts, run_at, created_at, ended_at, last_error)
SELECT gen_random_uuid(), 'letter', '{}', 'letter:' || n, 'dead', 6, now(), now(), now(), 'it answered ' || n
FROM generate_series(1, 2) AS n"""


@pytest.fixture(autouse=True)
async def given_up(settings: Settings) -> None:
    connection = await asyncpg.connect(**credentials(settings.database_url))
    await connection.execute(EMPTY_ALL)
    await connection.execute(GIVEN_UP)
    await connection.close()


async def test_what_was_given_up_is_tried_again_once_and_audited(settings: Settings) -> None:
    assert "     2  letter  last " in await list_dead(settings)
    for name, reason, words in (("letter", " ", "Say why"), ("parcel", "it is mended", "No job parcel")):
        with pytest.raises(SettingsError, match=words):
            await revive(settings, name, reason=reason)
    assert await revive(settings, "letter", reason="the clinic is back") == "2 × letter will be tried again."
    assert await list_dead(settings) == "No job was given up."
    async with open_city(settings) as city:
        jobs = await city.rows("SELECT state, attempts FROM core_job WHERE name = 'letter'")
        assert [tuple(job) for job in jobs] == [("waiting", 0)] * 2
        acts = await city.rows("SELECT actor_id, subject, reason FROM core_audit_entry")
        assert [tuple(act) for act in acts] == [("banyan jobs again", "jobs:letter", "the clinic is back")]

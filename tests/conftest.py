"""The city under test: real engines once a session, empty tables for every test, the app and the worker in-process."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from app_server.database import credentials, migrate
from app_server.engines import Engines, engines
from app_server.kernel.clock import system_clock
from app_server.kernel.crypto import KeyRing
from app_server.kernel.settings import Mode, Settings
from tests.city import City, open_city

EMPTY_ALL = """
DO $$ DECLARE names text; BEGIN
  SELECT string_agg(quote_ident(tablename), ', ') INTO names FROM pg_tables
  WHERE schemaname = 'public' AND tablename <> 'tortoise_migrations';
  IF names IS NOT NULL THEN EXECUTE 'TRUNCATE ' || names; END IF;
END $$
"""


@pytest.fixture(scope="session")
def running_engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """PostgreSQL and Valkey of this test session."""
    with engines(tmp_path_factory.mktemp("engines"), durable=False, environ={}) as running:
        yield running


@pytest.fixture(scope="session")
def settings(running_engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a migrated, empty city."""
    key_file = tmp_path_factory.mktemp("keys") / "keys.json"
    KeyRing.create(key_file, system_clock())
    made = Settings(
        mode=Mode.TEST,
        database_url=running_engines.database_url,
        redis_url=running_engines.redis_url,
        key_file=key_file,
        base_url="http://localhost:8000",
        allow_loopback_apps=True,
        codes_per_address=100_000,
        database_pool=8,
    )
    asyncio.run(migrate(made))
    return made


@pytest.fixture
async def city(settings: Settings) -> AsyncIterator[City]:
    """A city that is open and empty."""
    connection = await asyncpg.connect(**credentials(settings.database_url))
    await connection.execute(EMPTY_ALL)
    await connection.close()
    async with open_city(settings) as opened:
        await opened.state["redis"].call("FLUSHALL")
        yield opened


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory of this test alone."""
    return tmp_path / "data"

"""Which tables there are, how to reach them, and how they came to be as they are."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import asyncpg
from tortoise import Tortoise
from tortoise.context import TortoiseContext
from tortoise.migrations.api.migrate import migrate as migrate_tables
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.writer import format_migration_name

from app_server.kernel import pool
from app_server.kernel.settings import Settings, SettingsError

CLOSE_WITHIN = 2.0  # seconds

MODELS = {
    "core": [
        "app_server.kernel.models",
        "app_server.identity.models",
        "app_server.identity.factors.models",
        "app_server.identity.phone_changes.models",
        "app_server.identity.recovery.models",
        "app_server.identity.acting.models",
        "app_server.identity.proofing.models",
        "app_server.identity.outside.models",
        "app_server.authorization.models",
        "app_server.registry.models",
    ],
    "personal_space": ["personal_space.models"],
    "card_wallet": ["card_wallet.models"],
    "notifications": ["notifications.models"],
}
MIGRATIONS = {
    "core": "app_server.migrations",
    "personal_space": "personal_space.migrations",
    "card_wallet": "card_wallet.migrations",
    "notifications": "notifications.migrations",
}


def database_config(settings: Settings) -> dict[str, Any]:
    """Tortoise's configuration: one connection pool, one app label a package."""
    return {
        "connections": {
            "default": {
                "engine": pool.__name__,
                "credentials": {
                    **credentials(settings.database_url),
                    "minsize": 1,
                    "maxsize": settings.database_pool,
                    "application_name": "banyan",
                    "server_settings": {"jit": "off", "statement_timeout": f"{pool.STATEMENT_WITHIN}s"},
                },
            }
        },
        "apps": {
            label: {"models": models, "default_connection": "default", "migrations": MIGRATIONS[label]}
            for label, models in MODELS.items()
        },
        "use_tz": True,
        "timezone": "UTC",
    }


def credentials(url: str) -> dict[str, Any]:
    """Host, port, user, password and database of a PostgreSQL URL; `?host=` may name a socket directory."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres"):
        raise SettingsError("DATABASE_URL must begin with postgresql://")
    query = dict(parse_qsl(parts.query))
    return {
        "host": query.pop("host", None) or parts.hostname or "localhost",
        "port": parts.port or int(query.pop("port", 5432)),
        "user": unquote(parts.username or "postgres"),
        "password": unquote(parts.password or "") or None,
        "database": parts.path.lstrip("/") or "postgres",
    } | ({"ssl": query["sslmode"]} if "sslmode" in query else {})


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[TortoiseContext]:
    """Open the pool for the life of a process; every task of it finds the tables."""
    context = await Tortoise.init(config=database_config(settings), _enable_global_fallback=True)
    try:
        yield context
    finally:
        with suppress(TimeoutError):  # whoever still has a connection is not waited for: the process ends in time
            async with asyncio.timeout(CLOSE_WITHIN):
                await Tortoise.close_connections()


async def migrate(settings: Settings, report: Callable[[str], None] = lambda line: None) -> None:
    """Bring the tables up to date. Any number of processes may call it at once; one does the work, the others wait."""
    lock = await asyncpg.connect(**credentials(settings.database_url))
    try:
        await lock.execute("SELECT pg_advisory_lock(hashtext('banyan migrate'))")

        def progress(event: str, label: str, name: str) -> None:
            if event == "apply_done":
                report(f"{label} {name}")

        await migrate_tables(config=database_config(settings), progress=progress)
        await Tortoise.close_connections()
    finally:
        await lock.close()


async def missing_migrations(settings: Settings) -> list[str]:
    """What the models say and no migration does yet, as `label.name`; empty when they agree."""
    writers = await _changes(settings)
    return [f"{writer.app_label}.{writer.name}" for writer in writers]


async def write_migrations(settings: Settings, name: str) -> list[Path]:
    """Write a migration called `name` for each package whose models have changed."""
    paths = []
    for writer in await _changes(settings):
        number = writer.name.split("_", 1)[0]
        writer.name = format_migration_name(int(number) if number.isdigit() else 1, name)
        paths.append(Path(str(writer.write())))
    return paths


async def pending_migrations(settings: Settings) -> list[str]:
    """Migrations that this version has and the database has not had, as `label.name`."""
    connection = await asyncpg.connect(**credentials(settings.database_url))
    try:
        if await connection.fetchval("SELECT to_regclass('tortoise_migrations')") is None:
            applied = set()
        else:
            rows = await connection.fetch("SELECT app, name FROM tortoise_migrations")
            applied = {(row["app"], row["name"]) for row in rows}
    finally:
        await connection.close()
    return [f"{label}.{name}" for label, name in _known_migrations() if (label, name) not in applied]


def _known_migrations() -> list[tuple[str, str]]:
    return [
        (label, path.stem)
        for label, package in MIGRATIONS.items()
        for path in sorted(Path(str(import_module(package).__path__[0])).glob("[0-9]*.py"))
    ]


async def _changes(settings: Settings) -> list[Any]:
    config = database_config(settings)
    context = await Tortoise.init(config=config, init_connections=False)
    try:
        assert context.apps is not None
        return list(await MigrationAutodetector(context.apps, config["apps"]).changes())
    finally:
        await Tortoise.close_connections()

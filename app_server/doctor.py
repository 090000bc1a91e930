"""`banyan doctor`: what is well, what is not, and what to do about it."""

import asyncio
import json
import os
import resource
import shutil
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from statistics import median
from typing import Any, NewType
from urllib.parse import urlsplit

import asyncpg
from rich.console import Console
from rich.table import Table

from app_server.database import credentials, pending_migrations
from app_server.embedded.parts import answer, answers
from app_server.kernel.crypto import KeyRing
from app_server.kernel.key_file import KeyFile, KeyFileError
from app_server.kernel.live_keys import LOOK_EVERY
from app_server.kernel.settings import Mode, Settings, SettingsError

PATIENCE = 3.0  # seconds for an engine to answer
SLOW = 0.010  # a round trip that takes longer than this is worth a word
DRIFT = timedelta(seconds=2)
SIGNING_KEY_DAYS = 90  # where the worker does not rotate
LATE = timedelta(days=2)  # the worker looks once a day
DISK_LOW, DISK_FULL = 2_000_000_000, 200_000_000
FILES = 4096  # open files: one for each stream
OLDEST_POSTGRESQL = 15
OLDEST_REDIS = (7, 0)  # of the protocol's features in use; Valkey began at 7.2


class Health(StrEnum):
    """How a finding stands."""

    WELL = "well"
    WORRY = "worry"
    ILL = "ill"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at; `remedy` is empty when all is well."""

    subject: str
    health: Health
    words: str
    remedy: str = ""


Seconds = NewType("Seconds", float)


def run(data: Path | None = None) -> int:
    """Look at everything, print it, and answer with the exit code: 1 when something is ill."""
    console = Console()
    try:
        settings = Settings.from_env(demo_environment(data) if data else None)
    except SettingsError as error:
        console.print(f"[red]✗[/] Settings: {error}")
        return 1
    findings = asyncio.run(examine(settings))
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    marks = {Health.WELL: "[green]✓[/]", Health.WORRY: "[yellow]![/]", Health.ILL: "[red]✗[/]"}
    for finding in findings:
        remedy = f"\n→ {finding.remedy}" if finding.remedy else ""
        table.add_row(marks[finding.health], finding.subject, finding.words + remedy)
    console.print(table)
    return int(any(finding.health is Health.ILL for finding in findings))


def demo_environment(data: Path) -> dict[str, str]:
    """The settings of the demo that keeps its data there. Raises `SettingsError` when there is none."""
    try:
        lines = (data / "demo.env").read_text().splitlines()
    except OSError:
        raise SettingsError(
            f"No demo has run with its data in {data}: start one with `make demo DATA={data}`"
        ) from None
    return dict(line.split("=", 1) for line in lines if "=" in line)


async def examine(settings: Settings) -> list[Finding]:
    """All findings, in the order in which one would mend them."""
    looks: list[Callable[[Settings], Awaitable[list[Finding]]]] = [_postgresql, _valkey]
    found = [finding for look in looks for finding in await look(settings)]
    found += [key_file(settings, datetime.now(UTC)), *await keys_in_use(settings)]
    found += [port(settings), carrier(settings), address(settings)]
    return [*found, disk(settings.key_file), open_files()]


async def _postgresql(settings: Settings) -> list[Finding]:
    subject = "PostgreSQL"
    try:
        connection = await asyncio.wait_for(asyncpg.connect(**credentials(settings.database_url)), PATIENCE)
    except SettingsError as error:
        return [Finding(subject=subject, health=Health.ILL, words=str(error), remedy="Mend DATABASE_URL.")]
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
        words = f"does not let us in: {str(error) or type(error).__name__}"
        remedy = "Start it, or mend DATABASE_URL (host, port, user, password, database)."
        return [Finding(subject=subject, health=Health.ILL, words=words, remedy=remedy)]
    try:
        round_trip = await _round_trip(lambda: connection.fetchval("SELECT 1"))
        version = str(await connection.fetchval("SHOW server_version")).split()[0]
        durable = {name: await connection.fetchval(f"SHOW {name}") for name in ("fsync", "full_page_writes")}
        asked = datetime.now(UTC)
        there = await connection.fetchval("SELECT clock_timestamp()")
        drift = abs(there - asked - timedelta(seconds=round_trip / 2))
        has_jobs = await connection.fetchval("SELECT to_regclass('core_job') IS NOT NULL")
        dead = await connection.fetchval("SELECT count(*) FROM core_job WHERE state = 'dead'") if has_jobs else 0
    finally:
        await connection.close()
    recent = int(version.partition(".")[0]) >= OLDEST_POSTGRESQL
    words = f"{version}, round trip {round_trip * 1000:.1f} ms"
    return [
        engine(subject, words, round_trip, recent, f"Upgrade to {OLDEST_POSTGRESQL} or newer."),
        durability([name for name, value in durable.items() if value != "on"]),
        clock(drift),
        migrations(await pending_migrations(settings)),
        given_up(dead),
    ]


async def _valkey(settings: Settings) -> list[Finding]:
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    client: Any = Redis.from_url(settings.redis_url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)
    try:
        round_trip = await _round_trip(client.ping)
        info = await client.info()
    except (RedisError, OSError) as error:
        words = f"does not answer: {str(error) or type(error).__name__}"
        remedy = "Start it, or mend REDIS_URL. Until then no one-time code is sent and no card can be shown."
        return [Finding(subject="Valkey", health=Health.ILL, words=words, remedy=remedy)]
    finally:
        await client.aclose()
    number = str(info.get("valkey_version") or info["redis_version"])
    recent = tuple(int(part) for part in number.split(".")[:2]) >= OLDEST_REDIS
    words = f"{number}, round trip {round_trip * 1000:.1f} ms"
    return [
        engine("Valkey", words, round_trip, recent, "Upgrade to Valkey 8 or Redis 7."),
        eviction(str(info.get("maxmemory_policy", "noeviction")), int(info.get("maxmemory", 0))),
    ]


async def _round_trip(ask: Callable[[], Awaitable[object]]) -> Seconds:
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        await ask()
        times.append(time.perf_counter() - begun)
    return Seconds(median(times))


def engine(subject: str, words: str, round_trip: Seconds, recent: bool, upgrade: str) -> Finding:
    """An engine that answers: is it new enough and near enough?"""
    if not recent:
        return Finding(subject=subject, health=Health.ILL, words=words, remedy=upgrade)
    if round_trip > SLOW:
        remedy = "Every request waits for several of these: bring the engine nearer, or find out what it is busy with."
        return Finding(subject=subject, health=Health.WORRY, words=words, remedy=remedy)
    return Finding(subject=subject, health=Health.WELL, words=words)


def durability(off: list[str]) -> Finding:
    """PostgreSQL's promise that what was committed stays."""
    if off:
        words = f"{', '.join(off)} off: a power cut may lose what was acknowledged"
        return Finding(subject="Durability", health=Health.ILL, words=words, remedy="Turn them on in postgresql.conf.")
    return Finding(subject="Durability", health=Health.WELL, words="what is committed is on disk")


def eviction(policy: str, most: int) -> Finding:
    """A Valkey that throws keys away under pressure also throws rate limits and shown codes away."""
    if policy == "noeviction" or most == 0:
        return Finding(subject="Eviction", health=Health.WELL, words="no key is thrown away")
    remedy = "Set maxmemory-policy noeviction: shown codes and rate limits must not vanish early."
    return Finding(subject="Eviction", health=Health.WORRY, words=f"policy {policy}", remedy=remedy)


def clock(drift: timedelta) -> Finding:
    """This machine's clock against the database's."""
    words = f"{drift.total_seconds():.2f} s from the database's"
    if drift > DRIFT:
        remedy = "Let NTP (chrony, systemd-timesyncd) keep the time on both machines: codes and tokens live by seconds."
        return Finding(subject="Clock", health=Health.ILL, words=words, remedy=remedy)
    return Finding(subject="Clock", health=Health.WELL, words=words)


def migrations(pending: list[str]) -> Finding:
    """Whether the tables are those of this version."""
    if pending:
        words = f"{len(pending)} not applied, first {pending[0]}"
        return Finding(subject="Migrations", health=Health.ILL, words=words, remedy="Run `banyan migrate`.")
    return Finding(subject="Migrations", health=Health.WELL, words="the tables are up to date")


def given_up(dead: int) -> Finding:
    """Whether workers have given something up."""
    subject = "Dead letters"
    if dead:
        remedy = "`banyan jobs dead` says which and why; once that is mended, `banyan jobs again` has them tried anew."
        return Finding(subject=subject, health=Health.WORRY, words=f"{dead} jobs were given up", remedy=remedy)
    return Finding(subject=subject, health=Health.WELL, words="no job was given up")


def key_file(settings: Settings, now: datetime) -> Finding:
    """The key file: there, closed to others, not too old, and can be rotated by whoever should."""
    subject, path = "Key file", settings.key_file
    try:
        newest = KeyFile.read(path).signing[0]
    except KeyFileError as error:
        first, _, rest = str(error).partition(". ")
        return Finding(subject=subject, health=Health.ILL, words=first, remedy=rest)
    age = now - newest.created_at
    words = f"{path}, mode 600, signing key {age.days} days old"
    if newest.used_from > now:
        words += f", signs from {newest.used_from:%Y-%m-%d %H:%M} UTC"
    remedy = ""
    if settings.signing_key_days and not os.access(path.parent, os.W_OK):
        words += ", cannot be replaced by this user"
        remedy = "Let the worker write to its directory, or set BANYAN_SIGNING_KEY_DAYS=0 and rotate by hand."
    elif age > timedelta(days=settings.signing_key_days or SIGNING_KEY_DAYS) + LATE:
        why = "look for keys_not_rotated in the worker's log, or " if settings.signing_key_days else ""
        remedy = f"Nobody has rotated it: {why}run `banyan keys rotate` and back the file up."
    return Finding(subject=subject, health=Health.WORRY if remedy else Health.WELL, words=words, remedy=remedy)


async def keys_in_use(settings: Settings) -> list[Finding]:
    """Whether the process that answers here has the keys of the file; it takes them a second after they change."""
    subject = "Keys in use"
    for _ in range(3):
        served = answer(settings.port, "/.well-known/jwks.json", host=settings.host)
        if served is None:
            return []
        try:
            there, here = json.loads(served), KeyRing.load(settings.key_file).public_jwks()
        except KeyFileError:
            break
        except ValueError:  # it is somebody else who answers
            return []
        if there == here:
            return [Finding(subject=subject, health=Health.WELL, words="Banyan here has the keys of the file")]
        await asyncio.sleep(LOOK_EVERY)
    words = "Banyan here goes on with the keys it had: it cannot take those of the file"
    remedy = "Put the right file there; key_file_refused in its log says what is wrong with this one."
    return [Finding(subject=subject, health=Health.ILL, words=words, remedy=remedy)]


def port(settings: Settings) -> Finding:
    """Whether `banyan serve` answers there, or could."""
    where = f"{settings.host}:{settings.port}"
    if answers(settings.port, "/healthz", host=settings.host):
        if answers(settings.port, "/readyz", host=settings.host):
            return Finding(subject="Port", health=Health.WELL, words=f"Banyan answers at {where}")
        remedy = "It is up and not ready: mend what is ill above, or read its log."
        return Finding(subject="Port", health=Health.ILL, words=f"Banyan at {where} is not ready", remedy=remedy)
    try:
        with socket.create_server((settings.host, settings.port)):
            return Finding(subject="Port", health=Health.WELL, words=f"{where} is free; nothing answers there yet")
    except OSError as error:
        remedy = "End the program that has it, or set BANYAN_PORT."
        return Finding(subject="Port", health=Health.ILL, words=f"{where}: {error.strerror}", remedy=remedy)


def carrier(settings: Settings) -> Finding:
    """Without a carrier nobody gets a one-time code."""
    subject = "Text messages"
    if settings.sms_url is None:
        remedy = "Set BANYAN_SMS_URL, BANYAN_SMS_ACCOUNT and BANYAN_SMS_SECRET: nobody can sign in without them."
        return Finding(subject=subject, health=Health.ILL, words="no carrier is set", remedy=remedy)
    place = urlsplit(settings.sms_url)
    if settings.sms_url.startswith(settings.base_url):
        return Finding(subject=subject, health=Health.WELL, words="the demo's simulated carrier")
    try:
        address = (place.hostname or "", place.port or (443 if place.scheme == "https" else 80))
        with socket.create_connection(address, PATIENCE):
            return Finding(subject=subject, health=Health.WELL, words=f"the carrier at {place.hostname} can be reached")
    except OSError as error:
        words = f"the carrier at {place.hostname} cannot be reached: {error.strerror or error}"
        return Finding(subject=subject, health=Health.ILL, words=words, remedy="Check BANYAN_SMS_URL and the firewall.")


def address(settings: Settings) -> Finding:
    """Residents come over TLS, except in a demo."""
    words = f"residents see {settings.base_url}, mini-apps at {settings.app_origin('<app>')}"
    if settings.mode is Mode.PRODUCTION and not settings.secure:
        remedy = "Put a proxy with TLS in front and set BANYAN_BASE_URL to its https:// address."
        return Finding(subject="Address", health=Health.ILL, words=words, remedy=remedy)
    return Finding(subject="Address", health=Health.WELL, words=words)


def disk(path: Path) -> Finding:
    """Free space where the keys (and, in a demo, the data) lie."""
    place = next(_existing(path.absolute().parent))
    free = shutil.disk_usage(place).free
    words = f"{free / 1e9:.1f} GB free at {place}"
    if free < DISK_LOW:
        health = Health.ILL if free < DISK_FULL else Health.WORRY
        return Finding(
            subject="Disk", health=health, words=words, remedy="Free some space: PostgreSQL stops without it."
        )
    return Finding(subject="Disk", health=Health.WELL, words=words)


def open_files() -> Finding:
    """Each open stream of a resident is an open file."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= most < FILES:
        remedy = "Raise it (`ulimit -n 65536`, or LimitNOFILE= in the unit): each live inbox is an open file."
        return Finding(subject="Open files", health=Health.WORRY, words=f"at most {most}", remedy=remedy)
    return Finding(subject="Open files", health=Health.WELL, words="no limit" if most < 0 else f"at most {most}")


def _existing(path: Path) -> Iterator[Path]:
    return (place for place in (path, *path.parents) if os.path.exists(place))

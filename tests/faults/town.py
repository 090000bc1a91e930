"""A city of real processes: engines that keep their promises, web, two workers, the library, each killed at will."""

import asyncio
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from banyan_sdk.keys import AppKey
from redis.asyncio import Redis

from app_server.database import credentials, migrate
from app_server.embedded.parts import answers
from app_server.embedded.processes import Child, free_port, spawn, tail, wait_until
from app_server.engines import Engines, Postgres, Valkey, engines
from app_server.kernel.clock import system_clock
from app_server.kernel.crypto import KeyRing
from app_server.kernel.settings import Mode, Settings
from app_server.process import process
from app_server.registry.service import By, found_organisation, register_listing
from app_server.seed import app_key, bundled_apps, seed
from notifications.carrier_simulator import messages_url
from tests.manifests import PROMISE, manifest

READY_SECONDS = 90.0  # a start takes two; the machine may be busy
POOL = manifest(  # a second mini-app, whose own process is the driver: it issues a card and sends notices by itself
    "pool",
    {"en": "Swimming pool", "zh-CN": "游泳馆"},
    scopes=[{"scope": "notices:send", **PROMISE}, {"scope": "cards:issue", **PROMISE}],
    cards=[
        {
            "type": "pool-card",
            "title": {"en": "Pool card", "zh-CN": "游泳卡"},
            "colour": "#1F6F8B",
            "offline": False,
            "fields": [{"name": "lane", "label": {"en": "Lane", "zh-CN": "泳道"}}],
            "disclose": {"gate": ["lane"]},
        }
    ],
    notices=[
        {
            "id": "open",
            "title": {"en": "The pool is open", "zh-CN": "游泳馆开放"},
            "body": {"en": "Lane {lane} is yours.", "zh-CN": "{lane} 号泳道归您使用。"},
        }
    ],
)


class Process:
    """One program of the town. Started from the main thread; ended by its own pid, whatever happens."""

    def __init__(
        self, name: str, command: Sequence[str], env: Mapping[str, str], log: Path, is_ready: Callable[[int], bool]
    ) -> None:
        self.name, self.log = name, log
        self._command, self._env, self._is_ready = command, env, is_ready
        self._child: Child | None = None
        self._log_begins = 0

    def start(self) -> None:
        """Start it, without waiting."""
        self._log_begins = self.log.stat().st_size if self.log.exists() else 0
        self._child = spawn(self._command, log=self.log, env=self._env)

    @property
    def runs(self) -> bool:
        """Whether there is such a process now."""
        return self._child is not None and self._child.exit_code is None

    def ready(self) -> bool:
        """Whether it answers by now; a program that ended instead fails the test with its last words."""
        assert self._child is not None
        assert self._child.exit_code is None, f"{self.name} ended with {self._child.exit_code}:\n{tail(self.log, 40)}"
        return self._is_ready(self._log_begins)

    async def until_ready(self) -> None:
        """Wait for it in a thread: the driver goes on meanwhile."""
        assert await asyncio.to_thread(wait_until, self.ready, seconds=READY_SECONDS, every=0.05), tail(self.log, 40)

    def kill(self) -> None:
        """SIGKILL, as by the kernel when memory is short."""
        assert self._child is not None
        self._child.kill()

    async def killed_and_back(self) -> None:
        """SIGKILL, start again, wait until it is ready."""
        self.kill()
        self.start()
        await self.until_ready()

    async def asked_to_end(self, within: float) -> float:
        """SIGTERM; how many seconds it took to end by itself, with exit code 0."""
        assert self._child is not None
        begun = time.monotonic()
        self._child.signal(signal.SIGTERM)
        child = self._child
        ended = await asyncio.to_thread(wait_until, lambda: child.exit_code is not None, seconds=within)
        assert ended, f"{self.name} did not end within {within} s:\n{tail(self.log, 40)}"
        assert child.exit_code == 0, f"{self.name} ended with {child.exit_code}:\n{tail(self.log, 40)}"
        return time.monotonic() - begun

    def stop(self) -> None:
        """End it in any case."""
        child, self._child = self._child, None
        if child is not None and child.exit_code is None:
            child.stop(10)


@dataclass(kw_only=True)
class Town:
    """Engines, settings and processes; `enrolment_code` makes one device the library's desk."""

    engines: Engines
    settings: Settings
    data: Path
    web: Process
    worker: Process
    other_worker: Process
    library: Process
    enrolment_code: str
    pool_key: AppKey

    @property
    def keys(self) -> KeyRing:
        """The ring as it is now: another test may have rotated it."""
        return KeyRing.load(self.settings.key_file)

    desk_token: str = ""

    def mend(self) -> None:
        """Start what a failed test left in ruins."""
        for engine in (self.postgres, self.valkey):
            if engine.child is None or engine.child.exit_code is not None:
                engine.start()
        for each in self.processes:
            if not each.runs:
                each.start()
        for each in self.processes:
            assert wait_until(each.ready, seconds=READY_SECONDS, every=0.05), tail(each.log, 40)

    @property
    def postgres(self) -> Postgres:
        """Our own PostgreSQL."""
        assert self.engines.postgres is not None
        return self.engines.postgres

    @property
    def valkey(self) -> Valkey:
        """Our own Valkey."""
        assert self.engines.valkey is not None
        return self.engines.valkey

    @property
    def processes(self) -> list[Process]:
        """Everything that is Banyan's or a mini-app's."""
        return [self.web, self.worker, self.other_worker, self.library]

    async def rows(self, sql: str, *values: object) -> list[Any]:
        """Look into the tables, by a connection of our own."""
        connection = await asyncpg.connect(**credentials(self.settings.database_url))
        try:
            rows: list[Any] = await connection.fetch(sql, *values)
            return rows
        finally:
            await connection.close()

    async def execute(self, sql: str, *values: object) -> None:
        """Change the tables behind the city's back."""
        connection = await asyncpg.connect(**credentials(self.settings.database_url))
        try:
            await connection.execute(sql, *values)
        finally:
            await connection.close()

    async def in_valkey(self, *command: str) -> Any:
        """One command, by a connection of our own."""
        async with Redis.from_url(self.settings.redis_url) as valkey:
            return await valkey.execute_command(*command)  # type: ignore[no-untyped-call]

    def in_library(self, sql: str, *values: object) -> list[sqlite3.Row]:
        """Look into the library's own file."""
        path = self.data / "miniapps" / "library" / "library.sqlite"
        with closing(sqlite3.connect(path, timeout=20)) as db:
            db.row_factory = sqlite3.Row
            return db.execute(sql, values).fetchall()

    async def until(self, asked: Callable[[], Any], *, within: float, what: str) -> float:
        """Wait until `asked` (plain or async) says yes; the seconds it took."""
        begun = time.monotonic()
        while True:
            answer = asked()
            if asyncio.iscoroutine(answer):
                answer = await answer
            if answer:
                return time.monotonic() - begun
            assert time.monotonic() - begun < within, f"not within {within} s: {what}\n{self.last_words()}"
            await asyncio.sleep(0.1)

    async def until_quiet(self, within: float = 180) -> float:
        """Wait until nothing is on its way: facts delivered, jobs done, the library's calls answered."""
        return await self.until(self._is_quiet, within=within, what="facts, jobs or the library's calls still wait")

    async def _is_quiet(self) -> bool:
        busy = await self.rows(
            "SELECT (SELECT count(*) FROM core_outbox_event WHERE delivered_at IS NULL)"
            " + (SELECT count(*) FROM core_job WHERE state = 'waiting') AS waiting"
        )
        calls = self.in_library("select count(*) from banyan_calls where state = 'waiting'")[0][0]
        events = self.in_library("select count(*) from banyan_events where state = 'waiting'")[0][0]
        waiting: int = busy[0]["waiting"] + calls + events
        return waiting == 0

    @contextmanager
    def another_web(self, **changes: Any) -> Iterator[int]:
        """A second web process with other settings; its port."""
        port = free_port()
        settings = self.settings.model_copy(update={**changes, "port": port})
        web = _own("web2", "serve", settings, self.data / "logs", lambda _: answers(port, "/readyz"))
        web.start()
        try:
            assert wait_until(web.ready, seconds=READY_SECONDS, every=0.05), tail(web.log, 40)
            yield port
        finally:
            web.stop()

    def last_words(self) -> str:
        """The end of every log."""
        return "\n".join(f"--- {each.name} ---\n{tail(each.log, 15)}" for each in self.processes)


@contextmanager
def town(data: Path) -> Iterator[Town]:
    """Build it, and leave no process behind."""
    with engines(data, durable=True, environ={}) as running:
        port = free_port()
        base_url = f"http://localhost:{port}"
        settings = Settings(
            mode=Mode.DEMO,
            database_url=running.database_url,
            redis_url=running.redis_url,
            key_file=data / "keys.json",
            base_url=base_url,
            port=port,
            allow_loopback_apps=True,
            sms_url=messages_url(base_url, "banyan"),
            sms_secret="the carrier's secret",
            codes_per_address=1_000_000,
            access_token_seconds=3600,
            key_lead_seconds=10,
        )
        KeyRing.create(settings.key_file, system_clock())
        asyncio.run(migrate(settings))
        library_port, pool_key = free_port(), AppKey.generate()
        planted = asyncio.run(_plant(settings, data, library_port, pool_key))
        logs = data / "logs"
        built = Town(
            engines=running,
            settings=settings,
            data=data,
            web=_own("web", "serve", settings, logs, lambda _: answers(port, "/readyz")),
            worker=_worker(settings, logs, "worker"),
            other_worker=_worker(settings, logs, "other_worker"),
            library=_library(settings, data, logs, library_port),
            enrolment_code=planted,
            pool_key=pool_key,
        )
        try:
            built.mend()
            yield built
        finally:
            for each in built.processes:
                each.stop()


def _worker(settings: Settings, logs: Path, name: str) -> Process:
    """A worker; it is ready when it says so in its log."""
    log = logs / f"{name}.log"
    return _own(name, "work", settings, logs, lambda begins: b'"worker_ready"' in log.read_bytes()[begins:])


async def _plant(settings: Settings, data: Path, library_port: int, pool_key: AppKey) -> str:
    planted = await seed(settings, {"library": f"http://127.0.0.1:{library_port}"}, data)
    async with process(settings) as state:
        await register_listing(
            manifest=POOL,
            public_keys=[pool_key.public_jwk()],
            endpoint="http://127.0.0.1:9",
            organisation_id=await found_organisation("Fuzhou Pools"),
            by=By(kind="operator", id="seed"),
            clock=state["clock"],
        )
    return planted.enrolment_code


def _own(name: str, command: str, settings: Settings, logs: Path, is_ready: Callable[[int], bool]) -> Process:
    return Process(
        name,
        [sys.executable, "-P", "-m", "app_server.cli", command],
        {**os.environ, **settings.to_env()},
        logs / f"{name}.log",
        is_ready,
    )


def _library(settings: Settings, data: Path, logs: Path, port: int) -> Process:
    app = next(each for each in bundled_apps(data) if each.app_id == "library")
    app_key(app)
    env = {
        name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH") if name in os.environ
    } | {
        "BANYAN_PLATFORM_URL": settings.base_url,
        "BANYAN_APP_KEY": str(app.key_file),
        "BANYAN_DATA": str(app.home),
        "HOST": "127.0.0.1",
        "PORT": str(port),
    }
    return Process(
        "library",
        [sys.executable, "-P", "-m", app.module],
        env,
        logs / "library.log",
        lambda _: answers(port, "/.banyan/health"),
    )

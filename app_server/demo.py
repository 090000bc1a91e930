"""`banyan demo`: a whole city on one machine, started, watched and stopped by one process.

What it starts ends with it, however it ends: asked to (Ctrl-C, SIGTERM), by a failure, or killed.
"""

import asyncio
import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from app_server.embedded.listening import PortTaken, listen
from app_server.embedded.parts import Part, PartFailed, Recipe, answers
from app_server.embedded.processes import Child, free_port, wait_until
from app_server.engines import EngineError, Engines, engines, writable_directory
from app_server.kernel.settings import Mode, Settings

if TYPE_CHECKING:
    from app_server.seed import BundledApp, Planted

READY_SECONDS = 60.0
WATCH = 0.25  # seconds between looks at the parts
STEPS = 6


class Stopped(BaseException):
    """Somebody asked us to end."""


def run(data: Path, *, host: str = "127.0.0.1", port: int = 8000, reset: bool = False) -> int:
    """Run the demo until it is told to stop; the exit code."""
    console = Console(stderr=False, highlight=False)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        with ExitStack() as stack:
            city = _start(stack, console, data, host, port, reset)
            _show(console, city)
            _watch(console, city)
    except Stopped:
        console.print("[green]✓[/] Everything is stopped; the data stays.")
        return 0
    except (EngineError, PortTaken) as refusal:
        console.print(f"[red]✗[/] {refusal}", soft_wrap=True)
        if details := getattr(refusal, "details", ""):
            console.print(details, style="dim", markup=False)
        return 1
    except PartFailed as failure:
        console.print(f"[red]✗[/] {failure}. Its last words, from {failure.part.log}:", soft_wrap=True)
        console.print(failure.part.last_words(), style="dim", markup=False)
        console.print("→ `make demo RESET=1` begins anew; `banyan doctor` looks for the cause.", markup=False)
        return 1


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """What runs, and what a person needs to know of it."""

    settings: Settings
    data: Path
    engines: Engines
    parts: list[Part]
    enrolment_code: str
    seconds: float


def _start(stack: ExitStack, console: Console, data: Path, host: str, port: int, reset: bool) -> City:
    begun = time.monotonic()
    with _progress(console) as step:
        _require_port(host, port)
        if reset and os.environ.get("DATABASE_URL"):
            raise EngineError("RESET=1 empties our own database, and DATABASE_URL names another: empty it yourself.")
        data = writable_directory(data)
        step("Starting PostgreSQL and Valkey")
        running = stack.enter_context(engines(data, reset=reset))
        settings = _settings(running, data, host, port)
        step("Bringing the tables up to date")
        _migrate(settings)
        logs = writable_directory(data / "logs")
        parts = [_web(settings, logs), _worker(settings, logs)]
        stack.callback(_stop_all, console, parts)
        for part in parts:
            part.start()  # they take a second or two to come up; the planting happens meanwhile
        step("Planting the city: Fuzhou")
        planted, apps = _plant(settings, data)
        _remember(data, settings)
        for app, app_port in apps:
            parts.append(_mini_app(app, app_port, settings, logs))
            parts[-1].start()
        for part in parts:
            step(f"Waiting for {part.name}")
            if not wait_until(part.ready, seconds=READY_SECONDS, every=0.05):
                raise PartFailed(part, f"was not ready after {READY_SECONDS:.0f} s")
    return City(
        settings=settings,
        data=data,
        engines=running,
        parts=parts,
        enrolment_code=planted.enrolment_code,
        seconds=time.monotonic() - begun,
    )


def _settings(running: Engines, data: Path, host: str, port: int) -> Settings:
    """The demo's settings; what else `BANYAN_…` says in the environment is kept."""
    from app_server.gateway import provider_simulator
    from app_server.gateway.register_simulator import CHECKS
    from notifications.carrier_simulator import messages_url

    base_url = f"http://localhost:{port}"
    account = os.environ.get("BANYAN_SMS_ACCOUNT") or "banyan"
    own = {
        "BANYAN_MODE": Mode.DEMO,
        "DATABASE_URL": running.database_url,
        "REDIS_URL": running.redis_url,
        "BANYAN_KEY_FILE": str(data / "keys.json"),
        "BANYAN_BASE_URL": base_url,
        "BANYAN_HOST": host,
        "BANYAN_PORT": str(port),
        "BANYAN_ALLOW_LOOPBACK_APPS": "true",
        "BANYAN_SMS_URL": messages_url(base_url, account),
        "BANYAN_SMS_SECRET": secrets.token_urlsafe(24),
        "BANYAN_REGISTER_URL": base_url + CHECKS,
        "BANYAN_REGISTER_SECRET": secrets.token_urlsafe(24),
        "BANYAN_OUTSIDE_PROVIDERS": str(data / "outside-providers.json"),
    }
    _write_for_us(data / "outside-provider.secret", secrets.token_urlsafe(24))
    entry = provider_simulator.settings_entry(base_url, "outside-provider.secret")
    _write_for_us(data / "outside-providers.json", json.dumps([entry], ensure_ascii=False, indent=2))
    return Settings.from_env({**os.environ, **own})


def _migrate(settings: Settings) -> None:
    from app_server import database
    from app_server.kernel.clock import system_clock
    from app_server.kernel.crypto import KeyRing

    KeyRing.create(settings.key_file, system_clock())
    asyncio.run(database.migrate(settings))


def _plant(settings: Settings, data: Path) -> "tuple[Planted, list[tuple[BundledApp, int]]]":
    """Seed the city; what it planted, and the bundled mini-apps with the ports that they are listed with."""
    from app_server.seed import bundled_apps, seed

    apps = [(app, free_port()) for app in bundled_apps(data)]
    endpoints = {app.app_id: f"http://127.0.0.1:{port}" for app, port in apps}
    return asyncio.run(seed(settings, endpoints, data)), apps


def _remember(data: Path, settings: Settings) -> None:
    """For `banyan doctor --data`: the settings of this run."""
    _write_for_us(data / "demo.env", "".join(f"{name}={value}\n" for name, value in settings.to_env().items()))


def _write_for_us(path: Path, text: str) -> None:
    """A file that nobody else may read."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


def _web(settings: Settings, logs: Path) -> Part:
    return _own_process(
        "Web", "serve", settings, logs, lambda child: answers(settings.port, "/readyz", host=settings.host)
    )


def _worker(settings: Settings, logs: Path) -> Part:
    log = logs / "worker.log"
    # It has no port: it is ready when it says so in its log.
    offset = log.stat().st_size if log.exists() else 0
    return _own_process("Worker", "work", settings, logs, lambda child: _said(log, offset, b'"worker_ready"'))


def _own_process(name: str, command: str, settings: Settings, logs: Path, is_ready: Callable[[Child], bool]) -> Part:
    return Part(
        Recipe(
            name=name,
            command=[sys.executable, "-P", "-m", "app_server.cli", command],
            env={**os.environ, **settings.to_env()},
            log=logs / f"{name.lower()}.log",
            is_ready=is_ready,
        )
    )


def _mini_app(app: "BundledApp", port: int, settings: Settings, logs: Path) -> Part:
    """In its own process, with nothing of the platform's in its environment but the address."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR") if name in os.environ}
    env = {
        "BANYAN_PLATFORM_URL": settings.base_url,
        "BANYAN_APP_KEY": str(app.key_file),
        "BANYAN_DATA": str(app.home),
        "HOST": "127.0.0.1",
        "PORT": str(port),
    }
    return Part(
        Recipe(
            name=str(app.manifest["banyan"]["name"]["en"]),
            command=[sys.executable, "-P", "-m", app.module],
            env=kept | env,
            log=logs / f"{app.app_id}.log",
            is_ready=lambda child: answers(port, "/.banyan/health"),
        )
    )


def _said(log: Path, offset: int, words: bytes) -> bool:
    with log.open("rb") as file:
        file.seek(offset)
        return words in file.read()


def _require_port(host: str, port: int) -> None:
    listen(host, port).close()


def _show(console: Console, city: City) -> None:
    from app_server.seed import OPERATOR, PROVIDER, RESIDENT

    base = city.settings.base_url
    rows = [
        ("Resident app", f"{base}/", f"sign in with {_spaced(RESIDENT.phone)}, or any mobile number"),
        ("Text messages", f"{base}/demo/outbox", "the one-time codes arrive here"),
        ("Card reader", f"{base}/reader", f"enrolment code {city.enrolment_code} (the library's front desk)"),
        ("Operator console", f"{base}/console", f"sign in with {_spaced(OPERATOR.phone)}"),
        ("Provider portal", f"{base}/portal", f"sign in with {_spaced(PROVIDER.phone)}"),
    ]
    console.print(f"\n[green bold]{city.settings.city_name} is up[/] after {city.seconds:.1f} s.\n")
    for name, url, how in rows:
        console.print(f"  [bold]{name:<18}[/]{url:<36}{how}", soft_wrap=True)
    console.print(f"\n  Data in {city.data}, logs in {city.data / 'logs'}. Ctrl-C stops all of it.\n", soft_wrap=True)


def _spaced(phone: str) -> str:
    digits = phone.removeprefix("+86")
    return f"{digits[:3]} {digits[3:7]} {digits[7:]}"


def _watch(console: Console, city: City) -> NoReturn:
    """Start again what fails, until somebody stops us."""
    own = [engine for engine in (city.engines.postgres, city.engines.valkey) if engine is not None]
    while True:
        time.sleep(WATCH)
        for engine in own:
            if engine.child is not None and engine.child.exit_code is not None:
                words = f"{engine.name} ended; it is started again. Its last words are in {engine.log}."
                console.print(f"[yellow]![/] {words}", soft_wrap=True)
                engine.start()
        for part in city.parts:
            if news := part.tend(time.monotonic()):
                console.print(f"[yellow]![/] {news}", soft_wrap=True)


def _stop_all(console: Console, parts: list[Part]) -> None:
    """All at once, mini-apps and web and worker alike; the engines end after them."""
    console.print("\nStopping …")
    for part in parts:
        part.ask_to_stop()
    for part in parts:
        part.stop()


def _stop(number: int, frame: FrameType | None) -> None:
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # the end is bounded; asking twice must not cut it short
    raise Stopped


@contextmanager
def _progress(console: Console) -> Iterator[Callable[[str], None]]:
    """A bar on a terminal, plain lines elsewhere. It draws when told, so that no thread is there when we fork."""
    if not console.is_terminal:
        yield lambda title: console.print(title, markup=False)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description:<40}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as bar:
        task = bar.add_task("", total=STEPS)

        def step(title: str) -> None:
            bar.update(task, description=title, advance=1 if bar.tasks[0].description else 0)
            bar.refresh()

        yield step

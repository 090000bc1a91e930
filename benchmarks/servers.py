"""The processes that are measured, and the CPU that they have used so far."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from app_server.embedded.parts import answers
from app_server.embedded.processes import Child, free_port, spawn, tail, wait_until
from app_server.kernel.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that answers on a port of this machine."""

    pid: int
    port: int
    log: Path


@contextmanager
def banyan(settings: Settings, logs: Path, port: int | None = None) -> Iterator[Server]:
    """`banyan serve`, as people start it, until the end of the block."""
    command = [sys.executable, "-P", "-m", "app_server.cli", "serve", "--port", str(port or settings.port)]
    with running(command, settings.to_env(), logs / "banyan.log", port or settings.port, "/readyz") as server:
        yield server


@contextmanager
def baseline(name: str, settings: Settings, logs: Path, port: int | None = None, **env: str) -> Iterator[Server]:
    """One of `benchmarks.baselines`, under uvicorn set up as ours is."""
    port = port or free_port()
    command = [sys.executable, "-m", "benchmarks.baselines", name, str(port)]
    with running(command, settings.to_env() | env, logs / f"{name}.log", port, "/healthz") as server:
        yield server


@contextmanager
def running(command: list[str], env: Mapping[str, str], log: Path, port: int, path: str) -> Iterator[Server]:
    """Any server, ready to be asked."""
    child = spawn(command, log=log, env={**os.environ, **env})
    try:
        if not wait_until(lambda: _is_up(child, port, path), seconds=30) or child.exit_code is not None:
            raise RuntimeError(f"{command} did not come up:\n{tail(log)}")
        yield Server(pid=child.pid, port=port, log=log)
    finally:
        child.stop(15)


def cpu_seconds(pid: int) -> float:
    """What a process and its children have used of the processors, in user and kernel mode."""
    process = psutil.Process(pid)
    return sum(_used(each) for each in [process, *process.children(recursive=True)])


def _used(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _is_up(child: Child, port: int, path: str) -> bool:
    return child.exit_code is not None or answers(port, path)

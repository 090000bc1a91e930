"""`banyan demo` as a person runs it: up, stopped, killed, started again."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from app_server.embedded.parts import answers
from app_server.embedded.processes import free_port, tail, wait_until
from app_server.engines import engines

pytestmark = pytest.mark.fault


class Demo:
    """A demo in its own process, and what it says."""

    def __init__(self, data: Path, port: int, *options: str, **urls: str) -> None:
        self.data, self.port = data, port
        self.words = data.with_suffix(".out")
        outside = ("BANYAN_", "DATABASE_URL", "REDIS_URL")
        env = {name: value for name, value in os.environ.items() if not name.startswith(outside)} | urls
        command = [sys.executable, "-m", "app_server.cli", "demo", "--data", str(data), "--port", str(port), *options]
        with self.words.open("wb") as words:
            self.process = subprocess.Popen(command, stdout=words, stderr=subprocess.STDOUT, env=env)

    def says(self, words: str, within: float = 60) -> bool:
        """Whether it says so in time."""
        return wait_until(lambda: words in self.words.read_text(), seconds=within, every=0.1)

    def family(self) -> dict[str, psutil.Process]:
        """Its direct children, by what they are."""
        names = {"serve": "web", "work": "worker", "miniapp_library": "library"}
        found = {}
        for child in psutil.Process(self.process.pid).children():
            last = child.cmdline()[-1]
            found[names.get(last, child.name())] = child
        return found

    def enrolment_code(self) -> str:
        """As the table shows it."""
        return self.words.read_text().partition("enrolment code ")[2].split()[0]


@contextmanager
def demo(data: Path, *options: str, **urls: str) -> Iterator[Demo]:
    running = Demo(data, free_port(), *options, **urls)
    try:
        assert running.says(" is up"), running.words.read_text()
        yield running
    finally:
        running.process.kill()
        running.process.wait()


def all_gone(processes: list[psutil.Process]) -> bool:
    return not psutil.wait_procs(processes, timeout=15)[1]


def test_everything_is_up_stops_on_ctrl_c_and_keeps_its_data(data_dir: Path) -> None:
    with demo(data_dir) as first:
        family = first.family()
        assert {"web", "worker", "library", "postgres"} <= set(family)
        assert answers(first.port, "/readyz")
        keys = (data_dir / "keys.json").read_text()
        everyone = psutil.Process(first.process.pid).children(recursive=True)
        first.process.send_signal(signal.SIGINT)
        assert first.process.wait(20) == 0
        assert all_gone(everyone)
        assert first.says("Everything is stopped", within=0)
    with demo(data_dir) as second:
        assert (data_dir / "keys.json").read_text() == keys
        assert second.enrolment_code()
        second.process.send_signal(signal.SIGTERM)
        assert second.process.wait(20) == 0


def test_a_killed_demo_leaves_no_process_and_the_next_one_begins_anew_when_asked(data_dir: Path) -> None:
    with demo(data_dir) as killed:
        keys = (data_dir / "keys.json").read_text()
        everyone = psutil.Process(killed.process.pid).children(recursive=True)
        killed.process.kill()
        assert all_gone(everyone)
    with demo(data_dir, "--reset"):
        assert (data_dir / "keys.json").read_text() != keys


def test_what_fails_is_started_again_and_told(data_dir: Path) -> None:
    with demo(data_dir) as running:
        family = running.family()
        for name in ("web", "worker", "library", "postgres"):
            family[name].kill()
        assert running.says("Web was started again")
        assert running.says("Worker was started again")
        assert running.says("Fuzhou Library was started again")
        assert running.says("PostgreSQL ended; it is started again")
        assert wait_until(lambda: answers(running.port, "/readyz"), seconds=30, every=0.2)


def test_a_taken_port_is_told_in_a_sentence_with_a_free_one(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        refused = Demo(data_dir, stranger.getsockname()[1])
        assert refused.process.wait(30) == 1
    assert "Address already in use" in refused.words.read_text()
    assert "PORT=" in refused.words.read_text()
    assert not data_dir.exists()


def test_a_part_that_cannot_start_is_named_with_its_last_words_and_nothing_is_left(data_dir: Path) -> None:
    home = data_dir / "miniapps" / "library"
    home.mkdir(parents=True)
    (home / "library.sqlite").mkdir()  # its database cannot be opened
    broken = Demo(data_dir, free_port())
    assert broken.process.wait(60) == 1
    assert "Fuzhou Library ended with exit code" in broken.words.read_text()
    last = tail(data_dir / "logs" / "library.log", 1)
    assert last.split()[-1] in broken.words.read_text()
    assert not (data_dir / "postgres" / "postmaster.pid").exists()


def test_a_demo_on_servers_elsewhere_uses_them_and_starts_none(data_dir: Path, tmp_path: Path) -> None:
    with engines(tmp_path / "elsewhere", environ={}) as there:
        urls = {"DATABASE_URL": there.database_url, "REDIS_URL": there.redis_url}
        with demo(data_dir, **urls) as running:
            assert set(running.family()) == {"web", "worker", "library"}
            running.process.send_signal(signal.SIGTERM)
            assert running.process.wait(20) == 0
        refused = Demo(data_dir, free_port(), "--reset", **urls)
        assert refused.process.wait(30) == 1
        assert "empty it yourself" in refused.words.read_text()
        assert there.postgres and there.postgres.child
        assert there.postgres.child.exit_code is None

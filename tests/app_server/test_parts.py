"""The demo's parts: what fails is started again, not too eagerly."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from app_server.embedded.parts import FIRST_PAUSE, LONGEST_PAUSE, Part, PartFailed, Recipe, pause_after
from app_server.embedded.processes import _watch_over, spawn, tail, wait_until

LOOPING = "import time\nprint('up', flush=True)\ntime.sleep(60)"


def part(tmp_path: Path, program: str) -> Part:
    log = tmp_path / "part.log"
    return Part(
        Recipe(
            name="Library",
            command=[sys.executable, "-c", program],
            env=dict(os.environ),
            log=log,
            is_ready=lambda child: "up" in tail(log),
        )
    )


def test_pauses_grow_and_stay_bounded() -> None:
    pauses = [pause_after(failures) for failures in range(1, 12)]
    assert pauses[0] == FIRST_PAUSE
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE


def test_a_part_becomes_ready_and_stops(tmp_path: Path) -> None:
    library = part(tmp_path, LOOPING)
    library.start()
    assert wait_until(library.ready, seconds=10)
    library.ask_to_stop()
    assert library.stop() is True


def test_a_part_that_ends_while_it_starts_is_named_with_its_last_words(tmp_path: Path) -> None:
    library = part(tmp_path, "import sys; sys.exit('no catalogue here')")
    library.start()
    with pytest.raises(PartFailed, match="Library ended with exit code 1"):
        wait_until(library.ready, seconds=10)
    assert "no catalogue here" in library.last_words()


def test_a_part_that_was_killed_is_started_again_after_a_pause(tmp_path: Path) -> None:
    library = part(tmp_path, LOOPING)
    library.start()
    assert wait_until(library.ready, seconds=10)
    now = time.monotonic()
    assert library.tend(now) is None
    killed = psutil.Process(os.getpid()).children()[-1]
    killed.kill()
    assert wait_until(lambda: killed.status() == psutil.STATUS_ZOMBIE, seconds=5)
    news = library.tend(now)
    assert news is not None
    assert "was killed by signal 9" in news
    assert library.tend(now + FIRST_PAUSE / 2) is None
    assert library.tend(now + FIRST_PAUSE + 0.01) == "Library was started again."
    library.ask_to_stop()
    assert library.stop() is True


def test_a_part_that_does_not_listen_is_ended_by_force(tmp_path: Path) -> None:
    deaf = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(60)"
    log = tmp_path / "deaf.log"
    child = spawn([sys.executable, "-c", deaf], log=log)
    assert wait_until(lambda: "up" in tail(log), seconds=10)
    assert child.stop(0.2) is False
    assert child.exit_code == -9


def test_elsewhere_than_on_linux_a_watcher_ends_the_child_when_the_parent_dies() -> None:
    child = subprocess.Popen(["sleep", "60"])
    watcher = _watch_over(child.pid, 15)  # type: ignore[arg-type]
    assert watcher.stdin is not None
    watcher.stdin.close()  # what the kernel does when the parent dies
    assert child.wait(5) == -15
    assert watcher.wait(5) == 0

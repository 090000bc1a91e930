"""`make`: what it offers, and that its variables reach the demo."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def make(*arguments: str) -> str:
    """As a person runs it: without what a `make` around the tests has put into the environment."""
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    done = subprocess.run(["make", *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    return done.stdout


def test_make_alone_tells_its_verbs_each_with_a_line() -> None:
    verbs = {line.split()[1]: line.split()[2:] for line in make().splitlines() if line.startswith("  make ")}
    assert {"demo", "test", "check", "fix", "bench", "soak", "migration", "docs", "clean"} <= set(verbs)
    assert all(verbs.values())


def test_port_data_and_reset_reach_the_demo() -> None:
    commands = make("-n", "demo", "PORT=9000", "DATA=/srv/my city", "RESET=1")
    assert '--port "9000" --data "/srv/my city" --reset' in commands
    assert "--reset" not in make("-n", "demo", "RESET=0")
    assert "--" not in make("-n", "demo").splitlines()[-1]

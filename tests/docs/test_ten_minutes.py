"""A newcomer's first ten minutes: what the README says, typed as it stands there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks

README, SDK = ROOT / "README.md", ROOT / "sdk" / "README.md"


def files() -> dict[str, str]:
    """The files that the README shows."""
    return {block.about: block.code for block in blocks(README) if block.language == "python"}


def steps() -> list[str]:
    """What the README says to type for a mini-app."""
    (shown,) = [block.code for block in blocks(README) if "banyan-app new" in block.code]
    return shown.split("\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder after the first steps, and the README's files in it."""
    (new,) = [step for step in steps() if step.startswith("banyan-app new ")]
    run(new, tmp_path)
    made = tmp_path / new.split()[2]
    assert f"cd {made.name}" in steps()
    for file, code in files().items():
        (made / file).write_text(code)
    return made


def run(command: str, folder: Path) -> str:
    """The command's words on standard output; `banyan-app` is the one of this environment."""
    program, *words = command.split()
    module = {"banyan-app": "banyan_sdk", "python": ""}[program]
    line = [sys.executable, *(["-m", module] if module else []), *words]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("BANYAN_", "PYTEST_"))}
    done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_what_the_readme_writes_has_nothing_to_mend(folder: Path) -> None:
    assert "banyan-app check" in steps()
    assert "Nothing to mend." in run("banyan-app check", folder)


def test_the_readmes_test_of_the_readmes_mini_app_passes(folder: Path) -> None:
    assert "`python -m pytest -o anyio_mode=auto`" in README.read_text()
    assert "1 passed" in run("python -m pytest -o anyio_mode=auto", folder)


def test_the_readme_and_the_sdk_begin_with_the_same_lines() -> None:
    (hello,) = [block.code for block in blocks(SDK) if block.about == "hello"]
    assert files()["app.py"].startswith(hello)
    first = next(block.code for block in blocks(SDK) if block.language == "sh")
    for step in ("banyan-app new tea-house", "cd tea-house", "banyan-app check", "banyan-app run"):
        assert step in steps()
        assert step in first

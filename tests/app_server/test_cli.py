"""The `banyan` command: what it says, and what it leaves behind."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app_server.embedded.parts import answers
from app_server.embedded.processes import free_port, wait_until
from app_server.kernel.settings import Mode, Settings


def banyan(*arguments: str, settings: Settings | None = None, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run it as a person would, with these settings in its environment."""
    return subprocess.run(
        [sys.executable, "-m", "app_server.cli", *arguments],
        env=environment(settings, **env),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def environment(settings: Settings | None, **env: str) -> dict[str, str]:
    outside = ("BANYAN_", "DATABASE_URL", "REDIS_URL")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(outside)}
    return clean | (settings.to_env() if settings else {}) | env


def test_a_missing_setting_is_named_in_a_sentence_without_a_traceback() -> None:
    refused = banyan("migrate")
    assert refused.returncode == 1
    assert "DATABASE_URL" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_migrate_makes_a_key_file_for_its_owner_alone_and_may_be_repeated(settings: Settings, tmp_path: Path) -> None:
    own = settings.model_copy(update={"key_file": tmp_path / "keys.json"})
    first = banyan("migrate", settings=own)
    assert first.returncode == 0, first.stderr
    assert "back it up" in first.stdout
    assert own.key_file.stat().st_mode & 0o777 == 0o600
    keys = own.key_file.read_text()
    second = banyan("migrate", settings=own)
    assert "back it up" not in second.stdout
    assert own.key_file.read_text() == keys


def test_keys_rotate_keeps_the_old_ones_and_prints_no_secret(settings: Settings, tmp_path: Path) -> None:
    own = settings.model_copy(update={"key_file": tmp_path / "keys.json"})
    banyan("migrate", settings=own)
    before = json.loads(own.key_file.read_text())
    done = banyan("keys", "rotate", settings=own)
    assert (done.returncode, "Back" in done.stdout) == (0, True), done.stderr
    after = json.loads(own.key_file.read_text())
    assert (after["sealing"][1:], after["signing"][1:]) == (before["sealing"], before["signing"])
    assert own.key_file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [own.key_file]
    listed = banyan("keys", "list", settings=own).stdout
    states = [" ".join(line.split()[4:6]) for line in listed.splitlines()]
    assert states == ["signs from", "signs now", "seals from", "seals now", "to mini-apps"]
    assert not any(entry["key"] in done.stdout + listed for entry in after["sealing"])
    assert "PRIVATE" not in done.stdout + listed


def test_keys_are_rotated_one_at_a_time(settings: Settings, tmp_path: Path) -> None:
    own = settings.model_copy(update={"key_file": tmp_path / "keys.json"})
    banyan("migrate", settings=own)
    banyan("keys", "rotate", settings=own)
    before = own.key_file.read_text()
    again = banyan("keys", "rotate", settings=own)
    assert (again.returncode, "signs from" in again.stderr) == (1, True)
    assert own.key_file.read_text() == before


def test_an_old_sealing_key_is_dropped_by_its_id_and_not_too_early(settings: Settings, tmp_path: Path) -> None:
    own = settings.model_copy(update={"key_file": tmp_path / "keys.json"})
    banyan("migrate", settings=own)
    assert banyan("keys", "reseal", settings=own).returncode == 0
    sealing = next(
        line.split()[0] for line in banyan("keys", "list", settings=own).stdout.splitlines() if "AES" in line
    )
    refused = banyan("keys", "drop", sealing, settings=own)
    assert (refused.returncode, "no older sealing key" in refused.stderr) == (1, True)


def test_serve_answers_and_ends_by_itself_when_told_to(settings: Settings) -> None:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "app_server.cli", "serve", "--port", str(port)],
        env=environment(settings),
        stderr=subprocess.DEVNULL,
    )
    try:
        assert wait_until(lambda: answers(port, "/readyz"), seconds=30)
        taken = banyan("serve", "--port", str(port), settings=settings)
        assert (taken.returncode, "PORT=" in taken.stderr) == (1, True)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("command", [("migration", "--check"), ("openapi", "--check"), ("openapi",), ("problems",)])
def test_what_looks_at_the_code_needs_no_engine(command: tuple[str, ...]) -> None:
    done = banyan(*command)
    assert done.returncode == 0, done.stderr


def test_every_problem_is_listed_with_its_title() -> None:
    lines = banyan("problems").stdout.splitlines()
    assert any(line.startswith("409 card_code_already_used") for line in lines)
    assert all(len(line.split(maxsplit=2)) == 3 for line in lines)


def test_the_doctor_finds_a_seeded_city_well_and_names_what_is_not(settings: Settings) -> None:
    found = banyan("doctor", settings=settings, COLUMNS="200")
    assert found.returncode == 1  # no carrier is set in tests
    assert "Migrations     the tables are up to date" in found.stdout
    assert "BANYAN_SMS_URL" in found.stdout


@pytest.mark.parametrize("command", ["migrate", "seed"])
def test_an_engine_that_is_away_is_told_in_a_sentence(command: str, tmp_path: Path) -> None:
    away = Settings(
        mode=Mode.DEMO,  # a production city is not planted at all
        database_url="postgresql://nobody@127.0.0.1:1/none",
        redis_url="redis://127.0.0.1:1",
        key_file=tmp_path / "keys.json",
    )
    options = ["--endpoint", "library=http://127.0.0.1:9", "--data", str(tmp_path)] if command == "seed" else []
    refused = banyan(command, *options, settings=away)
    assert refused.returncode == 1
    assert "banyan doctor" in refused.stderr or "banyan migrate" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_an_engine_whose_socket_is_gone_is_called_an_engine(settings: Settings, tmp_path: Path) -> None:
    gone = settings.model_copy(update={"database_url": f"postgresql://banyan@/banyan?host={tmp_path}/nowhere"})
    told = banyan("migrate", settings=gone)
    assert told.returncode == 1
    assert "An engine does not answer" in told.stderr
    assert "banyan doctor" in told.stderr

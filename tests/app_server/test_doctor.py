"""The doctor: each illness is named with what to do."""

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app_server import doctor
from app_server.doctor import Finding, Health, Seconds
from app_server.kernel.crypto import KeyRing
from app_server.kernel.settings import Mode, Settings, SettingsError

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def settings(**changes: object) -> Settings:
    given: dict[str, object] = {
        "database_url": "postgresql://nobody@127.0.0.1:1/none",
        "redis_url": "redis://127.0.0.1:1",
        "key_file": Path("none"),
    }
    return Settings.model_validate(given | changes)


def test_every_illness_comes_with_a_remedy() -> None:
    ill: list[Finding] = [
        doctor.engine("PostgreSQL", "13.2", Seconds(0.001), False, "Upgrade."),
        doctor.engine("PostgreSQL", "18.4", Seconds(0.5), True, "Upgrade."),
        doctor.durability(["fsync"]),
        doctor.eviction("allkeys-lru", 1_000_000),
        doctor.clock(timedelta(seconds=3)),
        doctor.migrations(["core.0007_x"]),
        doctor.carrier(settings()),
        doctor.address(settings()),
    ]
    assert all(finding.health is not Health.WELL and finding.remedy for finding in ill)


def test_what_is_well_needs_no_remedy() -> None:
    well = [
        doctor.engine("PostgreSQL", "18.4", Seconds(0.001), True, "Upgrade."),
        doctor.durability([]),
        doctor.eviction("allkeys-lru", 0),
        doctor.clock(timedelta(milliseconds=3)),
        doctor.migrations([]),
        doctor.address(settings(base_url="https://city.example")),
        doctor.address(settings(mode=Mode.DEMO)),
    ]
    assert all(finding.health is Health.WELL and not finding.remedy for finding in well)


def test_a_key_file_is_judged_by_its_mode_and_age(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    own, by_hand = settings(key_file=path), settings(key_file=path, signing_key_days=0)
    assert doctor.key_file(own, NOW).health is Health.ILL
    KeyRing.create(path, NOW)
    assert doctor.key_file(own, NOW + timedelta(days=91)).health is Health.WELL, "the worker looks once a day"
    for of, remedy in ((own, "keys_not_rotated"), (by_hand, "keys rotate")):
        old = doctor.key_file(of, NOW + timedelta(days=93))
        assert (old.health, remedy in old.remedy) == (Health.WORRY, True)
    path.chmod(0o644)
    exposed = doctor.key_file(own, NOW)
    assert (exposed.health, "chmod 600" in exposed.remedy) == (Health.ILL, True)


def test_a_key_file_that_the_worker_cannot_replace_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keys.json"
    KeyRing.create(path, NOW)
    monkeypatch.setattr("os.access", lambda path, mode: False)
    found = doctor.key_file(settings(key_file=path), NOW)
    assert (found.health, "BANYAN_SIGNING_KEY_DAYS=0" in found.remedy) == (Health.WORRY, True)
    assert doctor.key_file(settings(key_file=path, signing_key_days=0), NOW).health is Health.WELL


def test_a_port_is_free_or_taken_by_a_stranger() -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        assert doctor.port(settings(port=port)).health is Health.ILL
    assert doctor.port(settings(port=port)).health is Health.WELL


def test_a_full_disk_is_an_illness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 1000

    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage)
    assert doctor.disk(tmp_path / "not" / "there").health is Health.ILL


async def test_engines_that_are_away_are_named_with_their_setting() -> None:
    findings = await doctor.examine(settings())
    remedies = {finding.subject: finding.remedy for finding in findings if finding.health is Health.ILL}
    assert "DATABASE_URL" in remedies["PostgreSQL"]
    assert "REDIS_URL" in remedies["Valkey"]


def test_a_demo_that_never_ran_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="make demo"):
        doctor.demo_environment(tmp_path)

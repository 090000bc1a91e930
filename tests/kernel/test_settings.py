"""What may be set from outside, and how a mistake is told."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from app_server.kernel.settings import Mode, Settings, SettingsError

ENVIRONMENT = {
    "DATABASE_URL": "postgresql://banyan:hunter2@db:5432/banyan",
    "REDIS_URL": "redis://:hunter2@valkey:6379/0",
    "BANYAN_KEY_FILE": "/etc/banyan/keys.json",
}


def test_settings_come_from_the_environment_and_go_to_a_child_unchanged() -> None:
    settings = Settings.from_env({**ENVIRONMENT, "BANYAN_MODE": "demo", "BANYAN_SMS_SECRET": "s3cret", "HOME": "/root"})
    assert (settings.mode, settings.key_file, settings.port) == (Mode.DEMO, Path("/etc/banyan/keys.json"), 8000)
    assert Settings.from_env(settings.to_env()) == settings


def test_nothing_set_means_production() -> None:
    assert Settings.from_env(ENVIRONMENT).mode is Mode.PRODUCTION


def test_a_mistake_is_told_by_the_variables_name_and_never_by_its_value() -> None:
    wrong = {"DATABASE_URL": ENVIRONMENT["DATABASE_URL"], "BANYAN_PORT": "hunter2", "BANYAN_KEY_FILE": "keys.json"}
    with pytest.raises(SettingsError) as told:
        Settings.from_env(wrong)
    assert "REDIS_URL" in str(told.value) and "BANYAN_PORT" in str(told.value)
    assert "hunter2" not in str(told.value)
    assert told.value.__cause__ is None and told.value.__suppress_context__


def test_settings_do_not_change_and_show_no_secret() -> None:
    settings = Settings.from_env({**ENVIRONMENT, "BANYAN_SMS_SECRET": "s3cret"})
    with pytest.raises(ValidationError):
        settings.port = 1  # type: ignore[misc]
    assert "s3cret" not in repr(settings)
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    ("base_url", "domain", "origin", "secure"),
    [
        ("http://localhost:8000", "localhost", "http://library.localhost:8000", False),
        ("https://banyan.example", "apps.example", "https://library.apps.example", True),
    ],
)
def test_a_mini_app_has_an_origin_of_its_own(base_url: str, domain: str, origin: str, secure: bool) -> None:
    settings = Settings.from_env({**ENVIRONMENT, "BANYAN_BASE_URL": base_url, "BANYAN_APPS_DOMAIN": domain})
    assert (settings.app_origin("library"), settings.secure) == (origin, secure)


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://city.example/", "https://city.example"),
        ("HTTPS://City.Example:443", "https://city.example"),
        ("http://localhost:80", "http://localhost"),
        ("https://city.example:8443", "https://city.example:8443"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_the_address_is_kept_as_a_browser_names_it_where_a_request_comes_from(written: str, origin: str) -> None:
    assert Settings.from_env({**ENVIRONMENT, "BANYAN_BASE_URL": written}).base_url == origin


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("BANYAN_BASE_URL", "https://city.example/banyan", "https://city.example"),
        ("BANYAN_BASE_URL", "city.example", "https://city.example"),
        ("BANYAN_BASE_URL", "https://ann@city.example", "https://city.example"),
        ("BANYAN_LOG_LEVEL", "LOUD", "'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
    ],
)
def test_what_could_not_work_is_refused_with_the_remedy(name: str, value: str, remedy: str) -> None:
    with pytest.raises(SettingsError, match=remedy) as told:
        Settings.from_env({**ENVIRONMENT, name: value})
    assert name in str(told.value)


def test_a_log_level_may_be_written_small() -> None:
    assert Settings.from_env({**ENVIRONMENT, "BANYAN_LOG_LEVEL": "debug"}).log_level == "DEBUG"

"""What may be set from outside, and how a mistake is told."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from app_server.kernel.outside_providers import read_providers
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


PROVIDER = {"id": "p", "issuer": "https://id.example", "client_id": "c", "name": {"en": "P", "zh-CN": "省"}}
HALF_SET = {
    "no JSON": "{",
    "no list": "{}",
    "no key": [PROVIDER],
    "both": [PROVIDER | {"key_file": "key.pem", "secret_file": "good.secret"}],
    "no such file": [PROVIDER | {"secret_file": "nowhere"}],
    "a key that is none": [PROVIDER | {"key_file": "good.secret"}],
    "an empty secret": [PROVIDER | {"secret_file": "empty.secret"}],
    "plain http": [PROVIDER | {"secret_file": "good.secret", "issuer": "http://id.example"}],
    "loopback": [PROVIDER | {"secret_file": "good.secret", "issuer": "http://localhost:1"}],
    "no openid": [PROVIDER | {"secret_file": "good.secret", "scope": "profile"}],
    "one name": [PROVIDER | {"secret_file": "good.secret", "name": {"en": "P"}}],
    "an unknown member": [PROVIDER | {"secret_file": "good.secret", "issuers": "hunter2"}],
    "twice": [PROVIDER | {"secret_file": "good.secret"}] * 2,
}


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    (tmp_path / "good.secret").write_text("hunter2")
    (tmp_path / "empty.secret").write_text("\n")
    return tmp_path


@pytest.mark.parametrize("fault", HALF_SET)
def test_a_provider_that_is_half_set_is_told_at_start(fault: str, beside: Path) -> None:
    content = HALF_SET[fault]
    file = beside / "providers.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(SettingsError, match="BANYAN_OUTSIDE_PROVIDERS: ") as told:
        Settings.from_env({**ENVIRONMENT, "BANYAN_OUTSIDE_PROVIDERS": str(file)})
    assert "hunter2" not in str(told.value)


def test_a_provider_that_is_set_is_known(beside: Path) -> None:
    file = beside / "providers.json"
    file.write_text(json.dumps([PROVIDER | {"secret_file": "good.secret"}]))
    settings = Settings.from_env({**ENVIRONMENT, "BANYAN_OUTSIDE_PROVIDERS": str(file)})
    assert Settings.from_env(settings.to_env()) == settings
    (known,) = read_providers(file, allow_loopback=False).values()
    assert (known.secret, known.name("en"), known.name("zh-CN")) == ("hunter2", "P", "省")

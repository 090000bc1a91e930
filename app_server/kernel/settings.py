"""Everything that may be set from outside: one frozen object, read once at start."""

import os
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from app_server.kernel.outside_providers import read_providers

_ORIGIN = re.compile(r"(https?)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([1-9][0-9]{0,4}))?/?")


class Mode(StrEnum):
    """How the process runs. `demo` adds the simulators; `test` is for the project's own tests."""

    DEMO = "demo"
    TEST = "test"
    PRODUCTION = "production"


class SettingsError(Exception):
    """A setting is missing or wrong; the message names the variable and the remedy."""


class Settings(BaseModel):
    """Each field is read from the variable `BANYAN_<FIELD>`; `DATABASE_URL` and `REDIS_URL` have no prefix."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Mode = Field(Mode.PRODUCTION, description="demo, test or production")
    database_url: str = Field(description="PostgreSQL, e.g. postgresql://user:password@host:5432/banyan", repr=False)
    redis_url: str = Field(
        description="Valkey or Redis, e.g. redis://host:6379/0 or unix:///path/valkey.sock", repr=False
    )
    key_file: Path = Field(description="the key ring, created by `banyan migrate` with mode 600")
    base_url: str = Field("http://localhost:8000", description="the address residents see; also the token issuer")
    apps_domain: str = Field("localhost", description="mini-apps live at <app_id>.<apps_domain>")
    host: str = Field("127.0.0.1", description="the address that `banyan serve` listens on")
    port: int = Field(8000, ge=1, le=65535, description="the port that `banyan serve` listens on")
    city_name: str = Field("Fuzhou", description="the city's name in English, on pages and in text messages")
    city_name_zh: str = Field("福州", description="the city's name in Chinese, on pages and in text messages")
    sms_url: str | None = Field(None, description="the SMS carrier's Messages resource; unset: no text message is sent")
    sms_account: str = Field("banyan", description="account name at the carrier")
    sms_secret: str = Field("", description="secret at the carrier", repr=False)
    sms_sender: str = Field("Banyan", description="the sender that residents see")
    carrier_error_rate: float = Field(0.0, ge=0, le=1, description="demo carrier: share of requests answered with 503")
    carrier_delay: float = Field(0.0, ge=0, description="demo carrier: seconds before it answers")
    carrier_duplicate_rate: float = Field(0.0, ge=0, le=1, description="demo carrier: share of callbacks sent twice")
    register_url: str | None = Field(None, description="the population register's check; unset: it verifies nobody")
    register_secret: str = Field("", description="bearer secret at the population register", repr=False)
    register_error_rate: float = Field(0.0, ge=0, le=1, description="demo register: share of checks without an answer")
    outside_providers: Path | None = Field(
        None,
        description="a JSON file of the outside OpenID Providers that may verify real names; unset: there are none",
    )
    codes_per_address: int = Field(60, ge=1, description="one-time codes an address may ask for in an hour")
    breached_passwords: Path | None = Field(
        None, description="a file of SHA-1 hashes of stolen passwords, in their order, that residents may not take"
    )
    recovery_hours: int = Field(
        24, ge=1, le=720, description="how long the owner of an account can say no to its recovery at a counter"
    )
    access_token_seconds: int = Field(600, ge=60, le=3600, description="life of an access token")
    session_days: int = Field(90, ge=1, le=365, description="life of a resident's session without use")
    signing_key_days: int = Field(
        90, ge=0, le=3650, description="the worker rotates the signing key at this age; 0: only `banyan keys rotate`"
    )
    key_lead_seconds: int = Field(
        3600, ge=10, le=604_800, description="how long a new key is known everywhere before it signs or seals"
    )
    allow_loopback_apps: bool = Field(
        False, description="let mini-apps and clients be called at loopback addresses (bundled apps)"
    )
    database_pool: int = Field(16, ge=1, le=200, description="connections to PostgreSQL in each process")
    worker_concurrency: int = Field(8, ge=1, le=100, description="jobs that one worker runs at once")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")
    trusted_proxies: int = Field(
        0, ge=0, le=5, description="reverse proxies in front whose X-Forwarded-For is believed"
    )

    @field_validator("base_url")
    @classmethod
    def _as_an_origin(cls, written: str) -> str:
        """As a browser writes it in `Origin` (RFC 6454 §6.1), which it is compared with."""
        found = _ORIGIN.fullmatch(written.lower())
        if found is None:
            raise ValueError("write scheme, host and, if it is not the usual one, port: https://city.example")
        scheme, host, port = found.groups()
        usual = ("http", "80"), ("https", "443")
        return f"{scheme}://{host}" + (f":{port}" if port and (scheme, port) not in usual else "")

    @field_validator("breached_passwords")
    @classmethod
    def _as_a_file(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_file():
            raise ValueError("there is no such file")
        return path

    @field_validator("outside_providers")
    @classmethod
    def _as_providers(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        if path is not None:
            read_providers(path, allow_loopback=info.data.get("mode") is not Mode.PRODUCTION)
        return path

    @field_validator("log_level", mode="before")
    @classmethod
    def _in_capitals(cls, written: str) -> str:
        return written.upper()

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the environment. Raises `SettingsError` naming each wrong variable, never its value."""
        environ = os.environ if environ is None else environ
        found = {name: environ[variable(name)] for name in cls.model_fields if environ.get(variable(name))}
        try:
            return cls.model_validate(found)
        except ValidationError as error:
            faults = "; ".join(f"{variable(str(e['loc'][0]))}: {e['msg']}" for e in error.errors())
            raise SettingsError(f"Check these settings: {faults}.") from None

    def to_env(self) -> dict[str, str]:
        """The environment from which `from_env` reads this very object; for child processes."""
        return {variable(name): str(value) for name, value in self if value is not None}

    def app_origin(self, app_id: str) -> str:
        """The web origin of a mini-app: `https://<app_id>.<apps_domain>[:port]`, scheme and port as in `base_url`."""
        base = urlsplit(self.base_url)
        port = f":{base.port}" if base.port else ""
        return f"{base.scheme}://{app_id}.{self.apps_domain}{port}"

    def city(self, locale: str) -> str:
        """The city's name in that language."""
        return self.city_name_zh if locale.startswith("zh") else self.city_name

    @property
    def secure(self) -> bool:
        """Whether residents come over TLS, so that cookies can be marked Secure."""
        return self.base_url.startswith("https://")


def variable(field: str) -> str:
    """The environment variable that a field is read from."""
    return field.upper() if field in ("database_url", "redis_url") else f"BANYAN_{field.upper()}"

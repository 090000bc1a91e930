"""Where a mini-app runs: read once from the environment, when it starts."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from banyan_sdk import speech


class NotConfigured(Exception):
    """Something in the environment is missing; the message says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """`data=None` keeps everything in memory, for tests."""

    platform_url: str
    origin: str
    key_file: Path | None
    data: Path | None
    host: str = "127.0.0.1"
    port: int = 0

    @classmethod
    def from_env(cls, app_id: str, env: Mapping[str, str] = os.environ) -> "Surroundings":
        """BANYAN_PLATFORM_URL, BANYAN_APP_KEY, BANYAN_DATA, BANYAN_ORIGIN, HOST and PORT.

        BANYAN_DATA is `data` in the working directory unless set. BANYAN_ORIGIN is the public origin that the
        platform gave this mini-app: `<app_id>.` before the platform's own host unless set.
        """
        for name, meaning in speech.SETTINGS.items():
            if not env.get(name):
                raise NotConfigured(speech.SETTING_MISSING.format(name=name, meaning=meaning))
        platform = env["BANYAN_PLATFORM_URL"].rstrip("/")
        port = env.get("PORT") or "0"
        if not port.isdecimal() or int(port) > 65535:
            raise NotConfigured(speech.PORT_BROKEN.format(value=port))
        return cls(
            platform_url=platform,
            origin=env.get("BANYAN_ORIGIN") or origin_beside(platform, app_id),
            key_file=Path(env["BANYAN_APP_KEY"]),
            data=Path(env.get("BANYAN_DATA") or "data"),
            host=env.get("HOST") or "127.0.0.1",
            port=int(port),
        )


def origin_beside(platform_url: str, app_id: str) -> str:
    parts = urlsplit(platform_url)
    return f"{parts.scheme}://{app_id}.{parts.netloc}"

"""The parts of a demo: each a process that becomes ready, is watched, and is started again when it fails."""

import http.client
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app_server.embedded.processes import Child, spawn, tail

FIRST_PAUSE = 0.5  # seconds before the first restart; doubles with each failure in a row
LONGEST_PAUSE = 30.0
GOOD_LIFE = 60.0  # seconds after which earlier failures are forgotten
STOP_SECONDS = 10.0


class PartFailed(Exception):
    """A part ended, or did not become ready in time."""

    def __init__(self, part: "Part", reason: str) -> None:
        super().__init__(f"{part.name} {reason}")
        self.part = part


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a part is started, and how one asks whether it is ready."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    log: Path
    is_ready: Callable[[Child], bool]


class Part:
    """One process of the demo."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._child: Child | None = None
        self._begun = 0.0
        self._failures = 0
        self._again_at: float | None = None

    @property
    def name(self) -> str:
        """As a person would call it."""
        return self._recipe.name

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self._recipe.log

    def start(self) -> None:
        """Start it; `ready` tells when it can be used."""
        with self._recipe.log.open("ab") as log:
            log.write(f"--- started {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} ---\n".encode())
        self._begun = time.monotonic()
        self._child = spawn(self._recipe.command, log=self._recipe.log, env=self._recipe.env)

    def ready(self) -> bool:
        """Whether it can be used by now. Raises `PartFailed` when it ended instead."""
        if self._child is None or self._child.exit_code is not None:
            raise PartFailed(self, self._ending())
        return self._recipe.is_ready(self._child)

    def tend(self, now: float) -> str | None:
        """Start it again when it has failed, after a pause that grows; what happened, for the person, or None."""
        if self._again_at is not None:
            if now < self._again_at:
                return None
            self._again_at = None
            self.start()
            return f"{self.name} was started again."
        if self._child is None or self._child.exit_code is None:
            return None
        self._child.wait(0)
        self._failures = 1 if now - self._begun > GOOD_LIFE else self._failures + 1
        pause = pause_after(self._failures)
        self._again_at = now + pause
        return f"{self.name} {self._ending()}; it is started again in {pause:g} s. Its last words are in {self.log}."

    def ask_to_stop(self) -> None:
        """Tell it to end, without waiting."""
        self._again_at = None
        if self._child is not None:
            self._child.ask_to_end()

    def stop(self) -> bool:
        """End it, by force after `STOP_SECONDS`. True when no force was needed."""
        self._again_at = None
        child, self._child = self._child, None
        return child is None or child.wait(STOP_SECONDS)

    def last_words(self) -> str:
        """The end of its log."""
        return tail(self.log)

    def _ending(self) -> str:
        code = self._child.exit_code if self._child else None
        if code is None:
            return "is not running"
        return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"


def pause_after(failures: int) -> float:
    """Seconds to wait before a restart, after so many failures in a row."""
    return min(FIRST_PAUSE * 2.0 ** (failures - 1), LONGEST_PAUSE)


def answers(port: int, path: str, *, host: str = "127.0.0.1") -> bool:
    """Whether `GET path` is answered with 200 within a second. `host` is where the server listens."""
    return answer(port, path, host=host) is not None


def answer(port: int, path: str, *, host: str = "127.0.0.1") -> bytes | None:
    """What `GET path` is answered with; None if that takes a second, fails, or is not 200."""
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    connection = http.client.HTTPConnection(near, port, timeout=1)
    try:
        connection.request("GET", path, headers={"Host": f"localhost:{port}"})
        response = connection.getresponse()
        return response.read() if response.status == 200 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()

"""Child processes that never outlive their parent, also when the parent is killed with SIGKILL.

Linux sends each child a signal when the thread that started it ends, so children are started from the main thread.
Elsewhere a small shell waits at the other end of a pipe and sends that signal when the pipe closes.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The operating system's user that a child runs as."""

    uid: int
    gid: int


class Child:
    """A process started by `spawn`, in a session of its own: a Ctrl-C at the terminal reaches only the parent."""

    def __init__(self, process: "subprocess.Popen[bytes]", farewell: signal.Signals) -> None:
        self._process = process
        self._farewell = farewell
        self._watcher = None if sys.platform == "linux" else _watch_over(process.pid, farewell)

    @property
    def pid(self) -> int:
        """The process id; may belong to another process once `exit_code` is known."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it."""
        return self._process.poll()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens when the process has ended."""
        self._process.send_signal(number)

    def stop(self, grace: float) -> bool:
        """Ask it to end, and kill it after `grace` seconds. True when it ended by itself."""
        self.ask_to_end()
        return self.wait(grace)

    def ask_to_end(self) -> None:
        """Send its farewell signal, without waiting."""
        self.signal(self._farewell)

    def wait(self, grace: float) -> bool:
        """Wait `grace` seconds for its end, then kill it. True when it ended by itself."""
        try:
            self._process.wait(grace)
            return True
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        finally:
            self._dismiss_watcher()

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        self._process.kill()
        self._process.wait()
        self._dismiss_watcher()

    def _dismiss_watcher(self) -> None:
        if self._watcher is not None:
            self._watcher.kill()
            self._watcher.wait()
            if self._watcher.stdin is not None:
                self._watcher.stdin.close()
            self._watcher = None


def spawn(
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    account: Account | None = None,
    farewell: signal.Signals = signal.SIGTERM,
) -> Child:
    """Start `command`, its output appended to `log`; it gets `farewell` when it shall end, or when we died."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            start_new_session=True,
            preexec_fn=_ends_with(os.getpid(), farewell) if sys.platform == "linux" else None,
        )
    return Child(process, farewell)


def shorten(log: Path, most: int = 8_000_000) -> None:
    """Keep a log that has grown long as `<name>.old`, and begin it anew; for the time when nobody writes it."""
    if log.exists() and log.stat().st_size > most:
        log.replace(log.with_suffix(".log.old"))


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log; empty when there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 16_384))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_until(ready: Callable[[], bool], *, seconds: float, every: float = 0.02) -> bool:
    """Ask `ready` until it says yes; False when it did not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


def _ends_with(parent: int, farewell: signal.Signals) -> Callable[[], None]:
    # Loaded before the fork: between fork and exec only system calls are safe. The kernel forgets the wish when a
    # process changes its user, so it must come after that; subprocess runs this last.
    prctl = ctypes.CDLL(None).prctl

    def prepare() -> None:
        prctl(_PR_SET_PDEATHSIG, int(farewell), 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the wish was known
            os._exit(1)

    return prepare


def _watch_over(pid: int, farewell: signal.Signals) -> "subprocess.Popen[bytes]":
    script = f"read -r _; kill -{int(farewell)} {pid}"
    return subprocess.Popen(["/bin/sh", "-c", script], stdin=subprocess.PIPE, start_new_session=True)

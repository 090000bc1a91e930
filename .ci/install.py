"""Make `.venv` hold exactly what the lock names; used by the Makefile, with whatever Python the machine has.

Only the standard library, and syntax that an old Python can read, so that a too old one is told so in a sentence.
"""

import hashlib
import json
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "installed.json"
LOG = VENV / "install.log"
DISTRIBUTIONS = [".", "sdk", "miniapps/library"]
UNREACHABLE = "ConnectionError|Temporary failure in name resolution|Network is unreachable|ReadTimeout"


class Refusal(Exception):
    """Why it cannot be done, and what to do: one sentence."""


def main(dev: bool) -> None:
    """Install what the lock (with `dev` also the one for tests and checks) names, unless that is in place already."""
    if sys.version_info < OLDEST:
        raise Refusal(
            f"Banyan needs Python 3.11 or newer, and {sys.executable} is {platform.python_version()}: "
            "install a newer one, or name it with PYTHON=/path/to/python3."
        )
    lock = ROOT / ("requirements-dev.lock" if dev else "requirements.lock")
    wanted = fingerprint()
    found = stamp()
    if (
        found.get("of") == wanted
        and found.get("place") == str(ROOT)
        and (found.get("dev") or not dev)
        and python().exists()
    ):
        return
    if (found.get("python"), found.get("place")) != (sys.version, str(ROOT)):  # a moved .venv does not work
        make_venv()
    total = len(re.findall(r"^[a-z0-9][^\s]*==", lock.read_text(), re.MULTILINE))
    options = ["--require-hashes", "--only-binary", ":all:", "--requirement", str(lock)]
    pip(options, f"Installing {total} packages", total)
    local = [argument for path in DISTRIBUTIONS for argument in ("--editable", path)]
    pip(["--no-deps", "--no-build-isolation", *local], "Installing Banyan", 0)
    STAMP.write_text(json.dumps({"of": wanted, "dev": dev, "python": sys.version, "place": str(ROOT)}))


def fingerprint() -> str:
    """Changes when a lock or a distribution's description does, or the Python."""
    digest = hashlib.sha256(sys.version.encode())
    for name in ["requirements.lock", "requirements-dev.lock", *(path + "/pyproject.toml" for path in DISTRIBUTIONS)]:
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def stamp() -> "dict[str, object]":
    """What was installed last; empty when that is unknown."""
    try:
        return dict(json.loads(STAMP.read_text()))
    except (OSError, ValueError):
        return {}


def python() -> Path:
    """The virtual environment's interpreter."""
    return VENV / "bin" / "python"


def make_venv() -> None:
    """A new, empty virtual environment."""
    say(f"Making .venv with Python {platform.python_version()}")
    shutil.rmtree(VENV, ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False)
    if made.returncode == 0:
        STAMP.write_text(
            json.dumps({"python": sys.version, "place": str(ROOT)})
        )  # an interrupted installation goes on in it
        return
    shutil.rmtree(VENV, ignore_errors=True)
    words = made.stdout + made.stderr
    if "ensurepip" in words:
        package = f"python3.{sys.version_info[1]}-venv"
        raise Refusal(f"This Python cannot make virtual environments: on Debian or Ubuntu, `apt install {package}`.")
    raise Refusal(explain(words) or f"The virtual environment could not be made: {last_line(words)}")


def pip(arguments: "list[str]", title: str, total: int) -> None:
    """Run `pip install`, its words in the log, one progress line on the screen."""
    command = [
        str(python()),
        "-m",
        "pip",
        "install",
        "--no-input",
        "--disable-pip-version-check",
        "--progress-bar",
        "off",
    ]
    command += ["--no-warn-script-location", "--root-user-action", "ignore", *arguments]
    seen = 0
    show = sys.stderr.isatty()
    say(title + (" …" if not show else ""), end="" if show else "\n")
    with LOG.open("a") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in process.stdout or ():
            log.write(line)
            if line.startswith("Collecting ") and show:
                seen += 1
                say(f"\r{title}: {min(seen, total)} of {total} \033[K", end="")
            elif line.startswith("Installing collected") and show:
                say(f"\r{title}: unpacking \033[K", end="")
        code = process.wait()
    outcome = "done" if code == 0 else "failed"
    say(f"\r{title}: {outcome}\033[K" if show else "", end="\n" if show else "")
    if code != 0:
        words = LOG.read_text()
        raise Refusal(explain(words) or f"{title} failed: {last_line(words)} (all of it: {LOG})")


def explain(words: str) -> str:
    """The sentence for what pip or venv said; empty when it is not a known one."""
    package = re.search(r"No matching distribution found for ([A-Za-z0-9_.-]+)", words)
    if re.search(UNREACHABLE, words):
        return "The package index cannot be reached: check the network and pip's proxy settings, and start again."
    if package:
        name = package.group(1).split("==")[0]
        here = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
        return (
            f"There is no ready-made {name} for this platform ({here}): use Linux with glibc 2.28 or newer on x86-64 "
            "or arm64, or macOS 13 or newer on Apple silicon, with Python 3.11 to 3.14."
        )
    if "DO NOT MATCH THE HASHES" in words:
        return f"The package index serves a file that is not the locked one, and it was not installed: see {LOG}."
    if "No space left on device" in words:
        return f"The disk is full: free about 600 MB where {ROOT} lies, and start again."
    if "Permission denied" in words or "Read-only file system" in words:
        return f"{VENV} cannot be written by this user: give yourself the right, or clone to a folder of your own."
    return ""


def last_line(words: str) -> str:
    """The last error that was named, or else the last thing that was said."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"(ERROR|\w*Error):", line)]
    return (errors or lines or ["no reason was given"])[-1]


def say(text: str, end: str = "\n") -> None:
    sys.stderr.write(text + end)
    sys.stderr.flush()


if __name__ == "__main__":
    try:
        main(dev="--dev" in sys.argv[1:])
    except Refusal as refusal:
        say(str(refusal))
        sys.exit(1)
    except OSError as error:
        say(explain(str(error.strerror)) or f"{error.filename}: {error.strerror}. Is this a whole clone?")
        sys.exit(1)
    except KeyboardInterrupt:
        say("\nStopped; start again and it goes on.")
        sys.exit(130)

"""Where the time of a request goes: py-spy looks at the running server two hundred times a second, from outside.

What it sees is who holds the interpreter: waiting, and the kernel reading from sockets, are outside of that. Without
py-spy, or where one process may not look at another, there is nothing to tell and the table is left out.
"""

import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.findings import Shares
from benchmarks.load import run
from benchmarks.measure import Contender, Effort

LOOKS = 200  # a second
LOOP = "the event loop (uvloop, asyncio)"

# The innermost frame of a stack that lies in one of these files says which part is at work.
PARTS = (
    ("writing to the socket", ("kernel/joined.py",)),
    ("uvicorn: reading the request, writing the answer", ("uvicorn/protocols/",)),
    ("asyncpg and the pool", ("asyncpg/", "tortoise/", "kernel/unit_of_work.py", "asyncio/timeouts.py")),
    ("Redis client", ("redis/", "kernel/redis.py", "kernel/limits.py")),
    ("sharing one query among all who wait", ("kernel/batch.py",)),
    (
        "who is calling: token, session, access",
        (
            "kernel/access.py",
            "kernel/authentication.py",
            "kernel/tokens.py",
            "identity/sessions.py",
            "authorization/access_tokens.py",
            "card_wallet/principals.py",
        ),
    ),
    ("opening and sealing personal data", ("kernel/crypto.py",)),
    ("figures and logs", ("prometheus_client/", "kernel/metrics.py", "kernel/logs.py", "logging/")),
    (
        "the frame and routing",
        ("kernel/frame.py", "kernel/routing.py", "gateway/dispatch.py", "app_server/main.py"),
    ),
    ("the answer: schema, JSON, headers", ("kernel/schemas.py", "pydantic/", "starlette/responses.py")),
    ("Starlette's request", ("starlette/",)),
    ("the gateway's way to the mini-app", ("app_server/gateway/", "banyan_sdk/")),
    (
        "the use case itself",
        (
            "app_server/identity/",
            "app_server/registry/",
            "app_server/authorization/",
            "card_wallet/",
            "notifications/",
            "personal_space/",
        ),
    ),
)


def shares(subject: str, contender: Contender, effort: Effort) -> list[Shares]:
    """The shares of each part under the contender's load; nothing when nobody can look."""
    spy = Path(sys.executable).with_name("py-spy")
    if not spy.exists():
        return []
    seconds = max(2, round(effort.seconds))
    load = contender.load(contender.requests(seconds + 4), seconds + 4)
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor() as thread:
        stacks = Path(directory) / "stacks"
        command = [str(spy), "record", "--gil", "--pid", str(contender.server.pid), "--rate", str(LOOKS)]
        command += ["--format", "raw", "--duration", str(seconds), "--output", str(stacks)]
        loaded = thread.submit(run, load)
        time.sleep(1.0)  # the load is under way by now
        looked = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        loaded.result()
        if looked.returncode != 0 or not stacks.exists():
            return []
        counts = Counter[str]()
        for line in stacks.read_text().splitlines():
            stack, _, count = line.rpartition(" ")
            counts[_part(stack.split(";"))] += int(count)
    return [Shares(subject=subject, parts=[(part, count / counts.total()) for part, count in counts.most_common()])]


def _part(frames: list[str]) -> str:
    for frame in reversed(frames):
        for part, files in PARTS:
            if any(file in frame for file in files):
                return part
    return LOOP

"""The hashing of passwords (argon2id, RFC 9106): off the event loop, a few at a time, and no more waiting than can be
served soon.
"""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Semaphore
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from app_server.identity.factors.guessable import BreachedPasswords
from app_server.kernel.problems import TemporarilyUnavailable

T = TypeVar("T")

SHORTEST, LONGEST = 8, 128  # characters; a password is never enough alone here, so 8 do (SP 800-63B §3.1.1.2)
AT_ONCE = 2  # each holds MEMORY and a core for some 100 ms
MOST_WAITING = 40
MEMORY = 64 * 1024  # KiB, RFC 9106 §4, second choice

_ARGON = PasswordHasher(time_cost=3, memory_cost=MEMORY, parallelism=1, hash_len=32, salt_len=16, type=Type.ID)


def normalised(text: str) -> str | None:
    """The password as it is hashed, in NFKC: the same from every keyboard. None when it is too short or long, or has
    a character that cannot be typed.
    """
    plain = unicodedata.normalize("NFKC", text)
    if not SHORTEST <= len(plain) <= LONGEST or any(unicodedata.category(each) in ("Cc", "Cs") for each in plain):
        return None
    return plain


class Hashing:
    """The hashing of a process, and its list of breached passwords."""

    def __init__(self, breached: Path | None) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="passwords")
        self._places = Semaphore(MOST_WAITING)
        self._breached = BreachedPasswords(breached) if breached else None
        self._nobodys = self._threads.submit(_ARGON.hash, "nobody's password")

    async def hash(self, password: str) -> str:
        """The hash with its parameters. Problem: `temporarily_unavailable`."""
        return await self._run(lambda: _ARGON.hash(password))

    async def verify(self, kept: str | None, password: str) -> bool:
        """Whether the password is the one behind the hash; without a hash it is as much work. Problem:
        `temporarily_unavailable`.
        """
        return await self._run(lambda: _verify(kept or self._nobodys.result(), password)) and kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return _ARGON.check_needs_rehash(kept)

    async def breached(self, password: str) -> bool:
        """Whether it is in the list that the operator gave. Raises `OSError`, `ValueError` for a bad list."""
        listed = self._breached
        return listed is not None and await self._run(lambda: listed.have(password))

    def close(self) -> None:
        """Give the threads back."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        if not self._places.acquire(blocking=False):
            raise TemporarilyUnavailable()
        future = self._threads.submit(work)
        future.add_done_callback(lambda _: self._places.release())  # also when nobody waits for it any more
        return await asyncio.wrap_future(future)


def _verify(kept: str, password: str) -> bool:
    try:
        return _ARGON.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False

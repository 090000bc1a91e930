"""Passwords that others would try first: what everybody takes, and what was found in breaches (SP 800-63B §3.1.1.2).

Nothing is asked of the characters themselves: length is what counts, and that nobody has the password on a list.
"""

import hashlib
import re
from itertools import pairwise
from pathlib import Path

# What people take as it is or with digits and signs around it. Whole lists of breaches are the operator's to give.
_WORDS = frozenset(
    """
    password passwort passwd passw0rd p@ssword p@ssw0rd qwerty qwertyui qwertyuiop asdfgh asdfghjkl zxcvbn zxcvbnm
    qazwsx qazwsxedc iloveyou woaini wodemima mima admin administrator root welcome letmein dragon monkey football
    basketball baseball princess sunshine superman batman pokemon master shadow michael jennifer charlie changeme
    secret default login hello helloworld computer internet iphone huawei xiaomi abc abcd abcabc test testtest china
    fuzhou fujian banyan rongcheng taijiang gulou
    """.split()  # noqa: SIM905  a list of so many is not read
)
_DATE = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])|(0[1-9]|1[0-2]|[0-2]\d|3[01]){2}(19|20)\d\d")
_REPEATED = re.compile(r"(.{1,5}?)\1+.{0,4}", re.DOTALL)
_LINE = re.compile(rb"([0-9A-Fa-f]{40})(?::\d+)?\s*")
_LONGEST_LINE = 64  # bytes: a hash, a count, a line's end


def is_common(password: str, number: str) -> bool:
    """Whether anybody would guess it who knows the phone number (E.164) and what people take."""
    plain = password.casefold()
    steps = {ord(after) - ord(before) for before, after in pairwise(plain)}
    return (
        plain.strip("0123456789 !?.,;:-_*#@$%&+") in _WORDS
        or steps in ({0}, {1}, {-1})
        or _REPEATED.fullmatch(plain) is not None
        or _DATE.fullmatch(plain) is not None
        or (number[-8:] in plain and len(plain) < 16)
        or plain in "01234567890123456789 98765432109876543210"
    )


class BreachedPasswords:
    """A file of SHA-1 hashes in hex, one a line and in their order, each with `:count` or without (as Have I Been Pwned
    gives its list "ordered by hash"). Searched by halves: some forty reads, however large it is.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def have(self, password: str) -> bool:
        """Whether the password is in the list. Blocking; raises `OSError` when the file cannot be read, `ValueError`
        when it is something else.
        """
        wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
        with self._path.open("rb") as file:
            low, high = 0, file.seek(0, 2)
            while low < high:
                middle = (low + high) // 2
                file.seek(max(0, middle - 1))
                if middle > 0:
                    file.readline(_LONGEST_LINE)  # the rest of a line, or the end of the one before
                begin, line = file.tell(), file.readline(_LONGEST_LINE)
                if not line:
                    high = middle
                    continue
                found = _LINE.fullmatch(line)
                if found is None:
                    raise ValueError("a line is no SHA-1 hash in hex")
                hash_ = found[1].decode().upper()
                if hash_ == wanted:
                    return True
                if hash_ < wanted:
                    low = begin + len(line)
                else:
                    high = middle
        return False

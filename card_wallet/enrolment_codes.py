"""The one-time code that makes a device a reader: 12 characters that cannot be taken for one another. Pure but random.

The first four find the code, so that wrong tries can be counted against it; the other eight (40 bits) prove it.
"""

import secrets
from typing import NewType
from unicodedata import normalize

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32
LENGTH = 12
LOCATOR_LENGTH = 4
GROUP = 4

Code = NewType("Code", str)  # 12 characters of the alphabet

_LOOKALIKES = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


def new_code() -> Code:
    """A random code."""
    return Code("".join(secrets.choice(ALPHABET) for _ in range(LENGTH)))


def grouped(code: Code) -> str:
    """The code as it is read out: `7K2M-9XQ4-TB0C`."""
    return "-".join(code[start : start + GROUP] for start in range(0, LENGTH, GROUP))


def normalised(text: str) -> Code | None:
    """The code that was typed, whatever its case, groups and look-alikes; None when it cannot be one."""
    plain = normalize("NFKC", text).strip().upper().translate(_LOOKALIKES)
    return Code(plain) if len(plain) == LENGTH and not set(plain) - set(ALPHABET) else None

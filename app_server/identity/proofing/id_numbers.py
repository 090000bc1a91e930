"""The citizen identification number (GB 11643-1999), pure: seventeen digits with a birthdate in them, one to check."""

import unicodedata
from datetime import date
from typing import NewType

IdNumber = NewType("IdNumber", str)

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"  # by the weighted sum modulo 11 (ISO 7064 MOD 11-2)


def read(text: str) -> IdNumber | None:
    """The number as it is written, without spaces and with a capital X; None when it is none."""
    number = spelt(text)
    if len(number) != 18 or not number.isascii() or not number[:17].isdigit():
        return None
    weighed = sum(int(digit) * weight for digit, weight in zip(number, _WEIGHTS, strict=False))
    if number[17] != _CHECKS[weighed % 11] or _birthdate(number) is None:
        return None
    return IdNumber(number)


def spelt(text: str) -> str:
    """The number of any document in one spelling, so that it is found again: no spaces, capitals, narrow digits."""
    return "".join(unicodedata.normalize("NFKC", text).split()).upper()


def birthdate_of(number: IdNumber) -> date:
    """The birthdate that stands in the number."""
    born = _birthdate(number)
    assert born is not None, "read() has seen it"
    return born


def _birthdate(number: str) -> date | None:
    try:
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return None

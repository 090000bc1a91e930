"""Phone numbers, pure: written as people write them, kept as E.164."""

import re
import unicodedata
from typing import NewType

Phone = NewType("Phone", str)

_E164 = re.compile(r"\+[1-9][0-9]{7,14}")
_MAINLAND_MOBILE = re.compile(r"1[3-9][0-9]{9}")


def normalise(text: str) -> Phone | None:
    """The number in E.164 (ITU-T), with +86 for a bare mainland mobile number; None when it is none.

    One number has one form: it is what limits count by. Full-width digits, as a Chinese keyboard types them, are those
    of ASCII; digits of other scripts are none.
    """
    digits = re.sub(r"[\s().\-\u2010-\u2015]", "", unicodedata.normalize("NFKC", text))
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    if _MAINLAND_MOBILE.fullmatch(digits):
        return Phone("+86" + digits)
    if digits.startswith("+86") and not _MAINLAND_MOBILE.fullmatch(digits[3:]):
        return None
    return Phone(digits) if _E164.fullmatch(digits) else None


def mask(phone: str) -> str:
    """What is shown of a number: the country code of the mainland left off, all but the ends hidden."""
    local = phone.removeprefix("+86")
    return local[:3] + "*" * max(4, len(local) - 7) + local[-4:]

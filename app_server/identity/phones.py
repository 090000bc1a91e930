"""Phone numbers, pure: written as people write them, kept as E.164."""

import re
from typing import NewType

Phone = NewType("Phone", str)

_E164 = re.compile(r"\+[1-9]\d{7,14}")
_MAINLAND_MOBILE = re.compile(r"1[3-9]\d{9}")


def normalise(text: str) -> Phone | None:
    """The number in E.164 (ITU-T), with +86 for a bare mainland mobile number; None when it is none."""
    digits = re.sub(r"[\s().\-\u2010-\u2015]", "", text.strip())
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

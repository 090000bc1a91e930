"""What people read on a screen and type on a phone (RFC 8628 §6.1). Pure, but for chance."""

import secrets
import unicodedata

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels, so no words; nothing that looks like another letter or a digit
LENGTH = 8  # 34 bits, for ten minutes and a few tries
LONGEST = 40  # characters that anybody types for them

_LOWEST_NUMBER, _NUMBERS = 10, 90


def new_user_code() -> str:
    """A user code as it is kept: letters alone."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def shown(user_code: str) -> str:
    """As a screen shows it: XXXX-XXXX."""
    return f"{user_code[: LENGTH // 2]}-{user_code[LENGTH // 2 :]}"


def read_user_code(typed: str) -> str | None:
    """The user code that somebody typed: in capitals or not, full-width or not, with whatever signs and spaces between.

    None for what no screen shows.
    """
    letters = "".join(each for each in unicodedata.normalize("NFKC", typed[:LONGEST]).upper() if each.isalnum())
    return letters if len(letters) == LENGTH and set(letters) <= set(ALPHABET) else None


def new_number() -> str:
    """The two digits that a screen shows beside its QR code."""
    return str(_LOWEST_NUMBER + secrets.randbelow(_NUMBERS))


def read_number(typed: str) -> str | None:
    """The two digits that somebody typed, full-width or not; None for anything else."""
    digits = "".join(unicodedata.normalize("NFKC", typed[:LONGEST]).split())
    return digits if len(digits) == 2 and digits.isascii() and digits.isdecimal() else None

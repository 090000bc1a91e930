"""The unified social credit code of a legal person (GB 32100-2015), pure."""

import unicodedata

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # without I, O, S, V, Z (§4.2)
LENGTH = 18


def normalised(text: str) -> str | None:
    """The code as it is written on a licence, from what a person typed; None when it is none, or its check character
    (§4.6) does not fit.
    """
    code = "".join(unicodedata.normalize("NFKC", text).upper().split())
    if len(code) != LENGTH or any(character not in ALPHABET for character in code):
        return None
    return code if check_character(code[:-1]) == code[-1] else None


def check_character(body: str) -> str:
    """What follows the first 17 characters: weights are powers of 3 modulo 31."""
    total = sum(ALPHABET.index(character) * pow(3, place, 31) for place, character in enumerate(body))
    return ALPHABET[-total % 31]

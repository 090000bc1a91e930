"""Text that one person writes and another reads, pure."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator

_NEEDED = "\u200c\u200d"  # the joiners: some scripts and emoji are not written right without them


def one_line(text: str) -> str:
    """The text on one line, without white space around it.

    Raises `ValueError` for characters that are not seen and change what is: controls, and those that turn the direction
    of writing, with which one name can be made to look like another.
    """
    line = " ".join(text.split())
    if any(unicodedata.category(character) in ("Cc", "Cf") and character not in _NEEDED for character in line):
        raise ValueError("Leave out the characters that cannot be seen.")
    return line if line.strip(_NEEDED) else ""


OneLine = Annotated[str, AfterValidator(one_line)]

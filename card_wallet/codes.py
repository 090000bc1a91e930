"""The card code, BC1: what a phone shows for a moment and any reader takes. Pure; written for hostile input.

The text is `BC1:` and base45 (RFC 9285) of deterministic CBOR (RFC 8949 §4.2). This reader takes profile H, a handle
that the wallet knows for a minute, and its spoken form: 12 digits, the last a Luhn check digit.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, NewType
from unicodedata import normalize

from base45 import b45decode, b45encode
from cbor2 import CBORDecodeError, dumps, loads

from card_wallet.problems import (
    CardCodeBadBase45,
    CardCodeBadCbor,
    CardCodeNotOurs,
    CardCodeProfileNotSupported,
    CardCodeUnreadable,
)

LIFE = timedelta(seconds=60)  # a code is good for so long, unless a reader takes it before
REFRESH = timedelta(seconds=15)  # the phone shows the next one
REMEMBERED = LIFE * 1.5  # a taken code; longer than LIFE, so that the second reader hears "used", not "stale"

PREFIX = "BC1:"
MAX_BYTES = 512
MAX_DEPTH = 4
MAX_TEXT = len(PREFIX) + 2 * MAX_BYTES  # more than 512 bytes need in base45; what is longer is not looked at

HANDLE_BYTES = 16
SPOKEN_DIGITS = 12
SPOKEN_NUMBERS = 10 ** (SPOKEN_DIGITS - 1)

Handle = NewType("Handle", bytes)  # 16 bytes, of the right shape; whether the wallet knows it is another matter
Spoken = NewType("Spoken", str)  # 12 digits whose check digit is right

_H = dumps([1, "H", bytes(HANDLE_BYTES)])[:-HANDLE_BYTES]  # `[1, "H", ` and the head of a string of 16 bytes
_SEPARATORS = str.maketrans("", "", " -\u00a0\u3000")


def write(handle: Handle) -> str:
    """The text of a profile H code: 36 characters, which is QR version 2 at level M."""
    encoded: bytes = b45encode(_H + handle)
    return PREFIX + encoded.decode()


def read(text: str) -> Handle | Spoken:
    """What a reader was shown or told. Raises the refusals 10 to 13, and 43 for the profiles that work offline."""
    if len(text) > MAX_TEXT:
        raise CardCodeUnreadable() if not text.startswith(PREFIX) else CardCodeBadCbor()
    if text.startswith(PREFIX):
        return _profile(_base45(text[len(PREFIX) :]))
    if digits := _digits(text):
        return _spoken(digits)
    raise CardCodeNotOurs() if text.strip() else CardCodeUnreadable()


def spoken(number: int) -> Spoken:
    """The 12 digits for a number below `SPOKEN_NUMBERS`."""
    digits = f"{number:0{SPOKEN_DIGITS - 1}d}"
    return Spoken(f"{digits}{-_luhn_sum(digits + '0') % 10}")


def decode(raw: bytes) -> object:
    """Deterministic CBOR of integers, strings, booleans, null, arrays and maps; anything else raises refusal 13.

    Refused are also indefinite lengths, longer heads than needed, map keys twice or out of order, bytes after the end,
    tags, more than `MAX_DEPTH` levels and more than `MAX_BYTES` bytes.
    """
    if len(raw) > MAX_BYTES:
        raise CardCodeBadCbor()
    try:
        value = loads(
            raw,
            max_depth=MAX_DEPTH,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            strict_hashable_types=False,
            semantic_decoders=_NoTags(),
        )
    except (CBORDecodeError, ValueError, TypeError):
        raise CardCodeBadCbor() from None
    if not all(_is_deterministic(part) for part in _parts(value)) or dumps(value) != raw:
        raise CardCodeBadCbor()
    return value


def _profile(raw: bytes) -> Handle:
    if len(raw) == len(_H) + HANDLE_BYTES and raw.startswith(_H):
        return Handle(raw[len(_H) :])
    match decode(raw):
        case [version, "S", bytes(device), issued, bytes(signature)] if len(device) == 8 and len(signature) == 64:
            offline = _is_number(version, 1) and _is_number(issued)
        case [version, "F", bytes(), bytes()]:
            offline = _is_number(version, 1)
        case _:
            offline = False
    raise CardCodeProfileNotSupported() if offline else CardCodeBadCbor()


def _is_number(value: object, wanted: int | None = None) -> bool:
    """Whether it is a natural number, and the wanted one; `True` is not 1 here."""
    return type(value) is int and value >= 0 and wanted in (None, value)


def _base45(text: str) -> bytes:
    if text.endswith("\n"):  # the library forgives this one character that is not of the alphabet
        raise CardCodeBadBase45()
    try:
        raw: bytes = b45decode(text)
    except ValueError:
        raise CardCodeBadBase45() from None
    return raw


def _digits(text: str) -> str | None:
    """The digits of a text that consists of digits and separators; full-width ones count too."""
    plain = normalize("NFKC", text).strip().translate(_SEPARATORS)
    return plain if plain.isascii() and plain.isdigit() else None


def _spoken(digits: str) -> Spoken:
    if len(digits) > SPOKEN_DIGITS:  # the barcode of a book, say
        raise CardCodeNotOurs()
    if len(digits) != SPOKEN_DIGITS or _luhn_sum(digits) % 10:
        raise CardCodeUnreadable("The 12 digits do not fit together. Type them again, as the phone shows them now.")
    return Spoken(digits)


def _luhn_sum(digits: str) -> int:
    """Every second digit from the right, starting beside the last, doubled, nines cast out (ISO/IEC 7812-1 annex B)."""
    doubled = (2 * int(digit) for digit in digits[-2::-2])
    return sum(int(digit) for digit in digits[::-2]) + sum(value - 9 if value > 9 else value for value in doubled)


def _parts(value: object) -> Iterator[object]:
    yield value
    if isinstance(value, list):
        for item in value:
            yield from _parts(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _parts(item)


def _is_deterministic(part: object) -> bool:
    if isinstance(part, dict):  # RFC 8949 §4.2.1: keys in the order of their encoded bytes
        keys = [dumps(key) for key in part]
        return keys == sorted(keys) and all(type(key) in (int, str, bytes) for key in part)
    return part is None or type(part) in (int, str, bytes, bool, list)


class _NoTags(Mapping[int, Callable[..., Any]]):
    """Whatever the tag, refuse it: the library would read dates, regular expressions and cycles out of strings."""

    def __getitem__(self, tag: int) -> Callable[..., Any]:
        return _refuse_tag

    def __iter__(self) -> Iterator[int]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _refuse_tag(*_: object) -> Any:
    raise ValueError("a tag")

"""What stands on a screen is read back however it is typed."""

from hypothesis import given
from hypothesis import strategies as st

from app_server.authorization.user_codes import (
    ALPHABET,
    new_number,
    new_user_code,
    read_number,
    read_user_code,
    shown,
)

CODES = st.text(ALPHABET, min_size=8, max_size=8)
SIGNS = st.text(" -–—－　_.·\t", max_size=2)


def full_width(text: str) -> str:
    return "".join(chr(ord(each) + 0xFEE0) for each in text)


@given(CODES, st.lists(SIGNS, min_size=8, max_size=8), st.booleans(), st.booleans())
def test_capitals_width_and_signs_do_not_matter(code: str, signs: list[str], small: bool, wide: bool) -> None:
    typed = code.lower() if small else code
    typed = full_width(typed) if wide else typed
    assert read_user_code("".join(sign + letter for sign, letter in zip(signs, typed, strict=True))) == code


@given(st.text(max_size=60))
def test_whatever_is_read_could_stand_on_a_screen(typed: str) -> None:
    code, number = read_user_code(typed), read_number(typed)
    assert code is None or (len(code) == 8 and set(code) <= set(ALPHABET))
    assert number is None or (len(number) == 2 and number.isascii() and number.isdecimal())


@given(st.integers(10, 99), st.booleans())
def test_a_number_may_be_full_width_and_have_spaces(number: int, wide: bool) -> None:
    typed = full_width(str(number)) if wide else str(number)
    assert read_number(f" {typed[0]} {typed[1]} ") == str(number)


def test_what_is_drawn_can_be_read() -> None:
    for _ in range(200):
        code, number = new_user_code(), new_number()
        assert read_user_code(shown(code)) == code
        assert (shown(code)[4], len(shown(code))) == ("-", 9)
        assert read_number(number) == number


def test_letters_that_no_screen_shows_and_other_lengths_are_not_read() -> None:
    for typed in ("", "BCDFGHJ", "BCDFGHJKL", "BCDFGHJA", "BCDFGHJ1", "BCDF-GHJК", "B" * 4000):
        assert read_user_code(typed) is None
    for typed in ("", "4", "4٤", "444", "4a", "-4", "1.5"):
        assert read_number(typed) is None, typed

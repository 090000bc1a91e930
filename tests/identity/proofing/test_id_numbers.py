"""Numbers of identity cards: one spelling each, and a wrong digit is noticed."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_server.identity.proofing.id_numbers import birthdate_of, read

GOOD = "11010519491231002X"  # the example of GB 11643-1999


def test_the_example_of_the_standard_is_read_with_its_birthdate() -> None:
    number = read(" 110105 19491231 002x ")
    assert number == GOOD
    assert birthdate_of(number) == date(1949, 12, 31)
    assert read("１１０１０５１９４９１２３１００２Ｘ") == GOOD  # as a Chinese keyboard types it


@pytest.mark.parametrize(
    "text",
    ["", "110105491231002", "110105194912310021", "11010519491331002X", "X" * 18, GOOD + "0"],
)
def test_what_is_none_is_refused(text: str) -> None:
    assert read(text) is None


@given(st.integers(0, 16), st.integers(0, 9))
def test_one_wrong_digit_is_noticed(place: int, digit: int) -> None:
    changed = GOOD[:place] + str(digit) + GOOD[place + 1 :]
    assert (read(changed) == GOOD) == (changed == GOOD)


@given(st.text(max_size=25))
def test_whatever_is_typed_is_read_or_refused(text: str) -> None:
    found = read(text)
    assert found is None or len(found) == 18

"""One number, however it is written: limits and accounts go by it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_server.identity.phones import mask, normalise

NUMBER = "+8613800000001"
DIGITS = "0٠०０𝟎"  # zeros of ASCII, Arabic-Indic, Devanagari, full width, mathematical bold


@pytest.mark.parametrize(
    "written",
    [
        "138 0000 0001",
        "138-0000-0001",
        "+86 138 0000 0001",
        "008613800000001",
        "(138)00000001",
        "\uff0b８６１３８００００００\uff10\uff11",
    ],
)
def test_a_number_is_the_same_however_people_write_it(written: str) -> None:
    assert normalise(written) == NUMBER


@given(st.lists(st.sampled_from(DIGITS), min_size=7, max_size=7))
def test_digits_of_another_script_make_no_second_number(zeros: list[str]) -> None:
    assert normalise(f"138{''.join(zeros)}1") in (NUMBER, None)
    assert normalise(f"+44791{''.join(zeros)}") in ("+447910000000", None)


@given(st.text(max_size=30))
def test_what_is_taken_for_a_number_is_ascii(text: str) -> None:
    assert (normalise(text) or "").isascii()


@pytest.mark.parametrize("text", ["", "+86 010 1234 5678", "1380000000", "12800000001", "+0123456789", "+1380000000\0"])
def test_what_is_no_mobile_number_is_none(text: str) -> None:
    assert normalise(text) is None


def test_a_masked_number_shows_its_ends() -> None:
    assert mask(NUMBER) == "138****0001"

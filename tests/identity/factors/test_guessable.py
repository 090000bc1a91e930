"""Which passwords nobody may take."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app_server.identity.factors.guessable import BreachedPasswords, is_common
from app_server.identity.factors.hashing import normalised

NUMBER = "+8613800000001"


@pytest.mark.parametrize(
    "password",
    [
        *("12345678", "87654321", "11111111", "abcabcabc", "abcdefgh", "Password1!", "qwertyuiop", "woaini1314"),
        *("19900101", "01011990", "13800000001", "x13800000001", "lin00000001", "1234567890", "fuzhou2026"),
    ],
)
def test_what_everybody_would_try_is_common(password: str) -> None:
    assert is_common(password, NUMBER)


@pytest.mark.parametrize("password", ["cassia tree by the river", "三坊七巷的榕树很老", "k3Vq9_xWp", "aB3$efgh"])
def test_what_is_only_short_or_plain_is_not(password: str) -> None:
    assert not is_common(password, NUMBER)


def test_a_password_counts_in_characters_after_it_was_made_one_form() -> None:
    assert normalised("１２３４５６７８") == "12345678"
    assert normalised("榕" * 8) == "榕" * 8
    assert normalised("榕" * 128) is not None
    for wrong in ("榕" * 7, "榕" * 129, "tab\tin the middle", "null\0null", "\ud800 alone here"):
        assert normalised(wrong) is None


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.text(min_size=1, max_size=8), max_size=40, unique=True),
    st.text(max_size=8),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_the_list_says_what_is_in_it(
    tmp_path_factory: pytest.TempPathFactory, listed: list[str], other: str, end: str, counts: bool
) -> None:
    listed = [each for each in listed if not any("\ud800" <= c <= "\udfff" for c in each)]
    hashes = sorted(hashlib.sha1(each.encode()).hexdigest().upper() for each in listed)
    path: Path = tmp_path_factory.mktemp("list") / "list.txt"
    path.write_bytes("".join(f"{each}{':7' if counts else ''}{end}" for each in hashes).encode())
    breached = BreachedPasswords(path)
    assert all(breached.have(each) for each in listed)
    assert breached.have(other) is (other in listed)


def test_a_file_that_is_something_else_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("password\nletmein\n")
    with pytest.raises(ValueError, match="no SHA-1"):
        BreachedPasswords(path).have("anything")

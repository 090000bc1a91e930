"""What one person writes and another reads shows all that it says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_server.kernel.text import one_line


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (" 林  依婷 ", "林 依婷"),
        ("古丽\u00b7买买提", "古丽\u00b7买买提"),
        ("a\nb", "a b"),
        ("\u200d", ""),
        ("👩\u200d⚕", "👩\u200d⚕"),
    ],
)
def test_a_name_keeps_all_that_is_seen_on_one_line(written: str, read: str) -> None:
    assert one_line(written) == read


@pytest.mark.parametrize("unseen", ["\0", "\x07", "\x1b", "\u200b", "\u202e", "\u2066", "\ufeff", "\u00ad"])
def test_what_is_not_seen_and_changes_what_is_is_refused(unseen: str) -> None:
    with pytest.raises(ValueError, match="cannot be seen"):
        one_line(f"陈{unseen}立")


@given(st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs"])))
def test_ordinary_text_is_never_refused(text: str) -> None:
    assert one_line(text) == " ".join(text.split())

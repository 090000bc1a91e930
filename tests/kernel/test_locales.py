"""The language of an answer is the one its reader asked for."""

import pytest

from app_server.kernel.locales import negotiate


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        ("", "en"),
        ("zh-CN", "zh-CN"),
        ("zh-Hant-TW;q=0.9, en;q=0.3", "zh-CN"),
        ("zh;q=0.2,en-GB;q=0.8", "en"),
        ("fr, zh;q=0.5", "zh-CN"),
        ("fr", "en"),
        ("zh;q=0", "en"),
        ("zh;q=high, *", "en"),
    ],
)
def test_a_reader_gets_the_language_liked_best_or_english(header: str, locale: str) -> None:
    assert negotiate(header) == locale

"""A mini-app's words reach the resident as plain lines, whatever the mini-app sends."""

import unicodedata

from banyan_sdk.manifest import NoticeTemplate
from hypothesis import given
from hypothesis import strategies as st

from notifications.templates import LOCALES, in_locale, missing_values, one_line, render, unknown_values

BORROWED = NoticeTemplate(
    id="borrowed",
    title={"en": "You borrowed {title}", "zh-CN": "您已借阅《{title}》"},
    body={"en": "Bring it back by {due}.", "zh-CN": "请于 {due} 前归还。"},
)


def test_each_resident_reads_the_notice_in_their_language() -> None:
    said = render(BORROWED, {"title": "西游记", "due": {"en": "13 December", "zh-CN": "12月13日"}})
    assert said["en"] == {"title": "You borrowed 西游记", "body": "Bring it back by 13 December."}
    assert said["zh-CN"] == {"title": "您已借阅《西游记》", "body": "请于 12月13日 前归还。"}


def test_a_forgotten_or_misspelt_value_is_named() -> None:
    assert missing_values(BORROWED, {"title": "x"}) == ["due"]
    assert unknown_values(BORROWED, {"title": "x", "due": "y", "dew": "z"}) == ["dew"]


def test_a_value_is_not_read_as_a_template_again() -> None:
    said = render(BORROWED, {"title": "{due}", "due": "tomorrow"})
    assert said["en"]["title"] == "You borrowed {due}"


def test_a_value_cannot_turn_the_line_around_or_break_it() -> None:
    assert one_line("safe\u202egnp.exe\r\nCity: pay\x00 now\u2028") == "safegnp.exe City: pay now"


def test_persian_and_emoji_keep_their_joiners() -> None:
    assert one_line("می\u200cخواهم 👩\u200d🚀") == "می\u200cخواهم 👩\u200d🚀"


@given(st.text())
def test_whatever_is_sent_becomes_one_visible_line(text: str) -> None:
    line = one_line(text)
    assert line == line.strip()
    assert not [letter for letter in line if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")]
    assert one_line(line) == line


@given(st.text(max_size=200), st.text(max_size=200))
def test_every_locale_gets_a_title_and_a_body(title: str, due: str) -> None:
    said = render(BORROWED, {"title": title, "due": due})
    assert set(said) == set(LOCALES)
    assert all(set(texts) == {"title", "body"} for texts in said.values())


def test_a_language_without_its_own_words_reads_the_nearest() -> None:
    texts = {"en": {"title": "Hello", "body": ""}, "zh-CN": {"title": "您好", "body": ""}}
    assert in_locale(texts, "en-GB")["title"] == "Hello"
    assert in_locale(texts, "zh-TW")["title"] == "您好"
    assert in_locale(texts, "fr")["title"] == "Hello"

"""Whoever reads Chinese and whoever reads English is told the same things."""

import re
from pathlib import Path

import pytest

import app_server.main  # noqa: F401  every problem class is known once the whole program is imported
from app_server.kernel.languages import LANGUAGES
from app_server.kernel.problems import all_problems
from app_server.pages.messages import Messages, messages

SERVER = Path(__file__).parents[2] / "app_server"
PLACEHOLDER = re.compile(r"\{(\w+)\}")
FORMS = (".one", ".other")


def subjects(words: Messages) -> set[str]:
    """The keys without their plural forms, of which each language has its own."""
    return {key.removesuffix(".one").removesuffix(".other") for key in words.keys()}  # noqa: SIM118


def sentences(words: Messages, key: str) -> list[str]:
    """The sentence, or all its forms."""
    found = words.find(key)
    return [found] if isinstance(found, str) else [str(form) for form in (found or {}).values()]


def test_both_languages_have_the_same_sentences() -> None:
    english, chinese = (subjects(messages(language)) for language in ("en", "zh-CN"))
    assert english == chinese


def test_both_languages_fill_in_the_same_things() -> None:
    def filled_in(language: str, key: str) -> set[str]:
        return {name for text in sentences(messages(language), key) for name in PLACEHOLDER.findall(text)}

    keys = subjects(messages("en"))
    assert [key for key in sorted(keys) if filled_in("en", key) != filled_in("zh-CN", key)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_has_a_sentence(language: str) -> None:
    codes = [problem.code for problem in all_problems()]
    assert [code for code in codes if not isinstance(messages(language).find(f"problems.{code}"), str)] == []


def used_keys() -> set[tuple[str, str]]:
    """Every key that a template or a script names in full, with the file."""
    calls = re.compile(r"""\bt\(\s*["']([\w.]+\.\w+)["']""")
    files = [*(SERVER / "pages/templates").rglob("*.html"), *(SERVER / "static").rglob("*.js")]
    return {(key, path.name) for path in files for key in calls.findall(path.read_text())}


def test_every_key_that_a_page_names_is_in_the_catalogue() -> None:
    words = messages("en")
    assert [(key, file) for key, file in sorted(used_keys()) if words.find(key) is None] == []


def test_a_sentence_is_filled_in_and_counts() -> None:
    words = messages("en")
    assert words("inbox.unread", count=1) == "unread notice"
    assert words("inbox.unread", count=3) == "unread notices"
    assert words("inbox.arrived", title="A book") == "New notice: A book"
    assert messages("zh-CN")("inbox.unread", count=1) == "条未读消息"


def test_a_key_that_is_not_there_is_noticed() -> None:
    with pytest.raises(KeyError):
        messages("en")("home.no_such_sentence")

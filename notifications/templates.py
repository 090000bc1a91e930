"""Fill a mini-app's notice template for every language at once (pure).

The values come from a mini-app and are shown in the city's name, so they are lines of plain text: what could break a
line, hide or turn text around is taken out, and a value is never read as a template again.
"""

import unicodedata
from collections.abc import Mapping

from banyan_sdk.manifest import PLACEHOLDER, NoticeTemplate, in_language
from banyan_sdk.protocol import NoticeValue

LOCALES = ("en", "zh-CN")  # what residents can choose
VISIBLE_JOINERS = "\u200c\u200d"  # needed to write Persian, Indic scripts and emoji


def missing_values(template: NoticeTemplate, data: Mapping[str, NoticeValue]) -> list[str]:
    """The placeholders of the template that `data` has no value for, in order of the alphabet."""
    texts = [*template.title.values(), *template.body.values()]
    return sorted({name for text in texts for name in PLACEHOLDER.findall(text)} - data.keys())


def unknown_values(template: NoticeTemplate, data: Mapping[str, NoticeValue]) -> list[str]:
    """The members of `data` that no text of the template uses: most likely misspelt."""
    texts = [*template.title.values(), *template.body.values()]
    return sorted(data.keys() - {name for text in texts for name in PLACEHOLDER.findall(text)})


def render(template: NoticeTemplate, data: Mapping[str, NoticeValue]) -> dict[str, dict[str, str]]:
    """Title and body in every locale a resident can choose."""
    safe: dict[str, NoticeValue] = {
        name: one_line(value) if isinstance(value, str) else {locale: one_line(text) for locale, text in value.items()}
        for name, value in data.items()
    }
    filled = {locale: template.filled(safe, locale) for locale in LOCALES}
    return {locale: {"title": title, "body": body} for locale, (title, body) in filled.items()}


def in_locale(texts: Mapping[str, Mapping[str, str]], locale: str) -> Mapping[str, str]:
    """Title and body for a locale; those of the nearest language when there are none in it."""
    return texts.get(locale) or texts[in_language({name: name for name in texts}, locale)]


def one_line(text: str) -> str:
    """The text on one line, without control characters and without the ones that turn the reading direction around."""
    return " ".join("".join(" " if _breaks(letter) else letter for letter in text if not _hides(letter)).split())


def _breaks(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Zl", "Zp")


def _hides(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cf", "Cs", "Co", "Cn") and letter not in VISIBLE_JOINERS

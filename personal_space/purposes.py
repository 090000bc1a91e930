"""What data was looked at for, in the resident's language (pure)."""

from collections.abc import Mapping

from banyan_sdk.manifest import in_language

CARD_CHECK = {"en": "To check your card: {title}", "zh-CN": "核验您的卡证：{title}"}


def in_every_language(purpose: str | Mapping[str, str]) -> dict[str, str]:
    """Texts per locale; a plain text is the same in all of them."""
    return dict.fromkeys(CARD_CHECK, purpose) if isinstance(purpose, str) else dict(purpose)


def card_check(title: Mapping[str, str]) -> dict[str, str]:
    """A reader looked at a card with this title."""
    return {locale: text.replace("{title}", in_language(title, locale)) for locale, text in CARD_CHECK.items()}


def in_locale(texts: Mapping[str, str], locale: str) -> str:
    """The text for the locale, or for the nearest language; empty when no purpose was stated."""
    return in_language(texts, locale) if texts else ""

"""In which of the city's languages a caller wants to read."""

from functools import lru_cache

from app_server.kernel.state import AppRequest

LOCALES = ("en", "zh-CN")  # the first one is used where a caller names none of them


def locale_of(request: AppRequest) -> str:
    """The locale that the request's Accept-Language likes best."""
    return negotiate(request.headers.get("accept-language", ""))


@lru_cache(maxsize=256)
def negotiate(accept_language: str) -> str:
    """The locale of ours that an Accept-Language header likes best (RFC 9110 §12.5.4)."""
    best, weight = LOCALES[0], 0.0
    for item in accept_language.split(","):
        tag, _, quality = item.strip().partition(";q=")
        language = tag.strip().lower().partition("-")[0]
        try:
            wish = float(quality or 1)
        except ValueError:
            continue
        for locale in LOCALES:
            if locale.partition("-")[0] == language and wish > weight:
                best, weight = locale, wish
    return best

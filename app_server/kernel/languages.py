"""The languages that Banyan speaks, and which one a request asks for."""

from app_server.kernel.state import AppRequest

LANGUAGES = ("zh-CN", "en")
LOOK_COOKIE = "banyan_look"  # how pages are drawn, the language first: "zh-CN.dark.elder"


def language_of(request: AppRequest) -> str:
    """The language of the look cookie if it is set, else the best of Accept-Language (RFC 9110 §12.5.4), else zh-CN."""
    chosen = request.cookies.get(LOOK_COOKIE, "").partition(".")[0]
    if chosen in LANGUAGES:
        return chosen
    return negotiate(request.headers.get("accept-language", ""))


def negotiate(header: str) -> str:
    """The language of ours that the header likes best."""
    best, liking = LANGUAGES[0], 0.0
    for part in header[:500].split(","):
        tag, _, parameters = part.strip().partition(";")
        try:
            weight = float(parameters.strip().removeprefix("q=")) if parameters else 1.0
        except ValueError:
            continue
        primary = tag.strip().lower().split("-")[0]
        match = next((language for language in LANGUAGES if language.lower().split("-")[0] == primary), None)
        if match and weight > liking:
            best, liking = match, weight
    return best

"""The browser's rules for a mini-app's pages, generated from its manifest. Pure.

Nothing is inherited from what the mini-app says about itself: its own policy headers are dropped, these are put in.
"""

import re
from collections.abc import Iterable, Mapping

_SOURCE = re.compile(r"(?:https|wss)://(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,63}(?::\d{1,5})?")


def content_security_policy(network: Mapping[str, object], *, base_url: str) -> str:
    """Own origin only, plus the manifest's `network` lists (`connect`, `frame`); framed by the city's pages alone.

    An entry that is not a plain https or wss origin is left out; the manifest checker names it.
    """
    connect, frame = _sources(network.get("connect")), _sources(network.get("frame"))
    return "; ".join(
        (
            "default-src 'self'",
            "img-src 'self' data: blob:",
            " ".join(("connect-src 'self'", *connect)),
            " ".join(("frame-src", *(frame or ["'none'"]))),
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            f"frame-ancestors {base_url}",
        )
    )


def security_headers(network: Mapping[str, object], *, base_url: str) -> list[tuple[bytes, bytes]]:
    """The headers put on every answer of a mini-app."""
    return [
        (b"content-security-policy", content_security_policy(network, base_url=base_url).encode("ascii")),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"same-origin"),
        (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
        (b"origin-agent-cluster", b"?1"),
    ]


def _sources(listed: object) -> list[str]:
    if not isinstance(listed, Iterable) or isinstance(listed, str | bytes | Mapping):
        return []
    return [entry for entry in listed if isinstance(entry, str) and _SOURCE.fullmatch(entry)]

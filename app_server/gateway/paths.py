"""The one spelling of a path that every server reads alike. Pure.

Proxies and servers that decode differently are how traversal and access bypass happen, so what has two readings is
refused.
"""

import re

from banyan_sdk.protocol import BRIDGE_PATH, SESSION_PATH

LONGEST = 8192  # bytes of path and query together

# Paths under /.banyan that a page may call. The others (launch, events) are the platform's own: the gateway signs what
# it forwards, so a page that reached them would speak in the platform's name.
OPEN_TO_PAGES = frozenset({BRIDGE_PATH.encode(), SESSION_PATH.encode()})

_PLAIN = re.compile(rb"(?:/(?!\.)[A-Za-z0-9._~!$&'()*+,=:@-]+)*/?")  # nothing to decide: no escapes, no dot in front
_ALLOWED = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})+")
_ESCAPE = re.compile(rb"%[0-9A-Fa-f]{2}")
_QUERY = re.compile(rb"[\x21\x22\x24-\x7e]*")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_FORBIDDEN = frozenset(b"/\\\x7f") | frozenset(range(0x20))  # never as an escape


class PathRefused(Exception):
    """The path has more than one reading; the message says which part."""


def canonical(raw: bytes) -> bytes:
    """The path as it goes to the mini-app: escapes only where needed, in upper case. Raises `PathRefused`."""
    if _PLAIN.fullmatch(raw) and raw:
        return raw
    if not raw.startswith(b"/") or not _ALLOWED.fullmatch(raw):
        raise PathRefused("the path has a character that belongs escaped")
    path = _ESCAPE.sub(_normal, raw)
    if b"//" in path:
        raise PathRefused("the path has an empty part")
    for segment in path.split(b"/"):
        if segment.split(b";")[0] in (b".", b".."):
            raise PathRefused("the path has a dot segment")
    if b"/.banyan" in path.lower() and path not in OPEN_TO_PAGES:
        raise PathRefused("that part of the path is between the platform and the mini-app")
    return path


def query_is_sound(raw: bytes) -> bool:
    """Whether the query consists of visible ASCII only."""
    return _QUERY.fullmatch(raw) is not None


def _normal(escape: re.Match[bytes]) -> bytes:
    code = int(escape[0][1:], 16)
    if code in _FORBIDDEN:
        raise PathRefused("the path hides a slash or a control character in an escape")
    return bytes([code]) if code in _UNRESERVED else escape[0].upper()

"""Which redirect URIs a client may register (RFC 9700 §2.1, RFC 8252 §7). Pure."""

import re
from urllib.parse import urlsplit

from app_server.kernel.ports import Proof

LONGEST = 255
_PRIVATE_SCHEME = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)+")  # a domain of the app's maker, backwards
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def mistake_in(uri: str, proof: Proof, own_origin: str) -> str | None:
    """Why this URI cannot be registered, as a sentence; None when it can."""
    if len(uri) > LONGEST or not uri.isascii() or re.search(r'[\x00-\x20\x7f"<>\\^`{|}*]', uri):
        return f"Send at most {LONGEST} characters of an absolute URI, escaped where needed, without wildcards."
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "That is no URI."
    if parts.fragment or "#" in uri:
        return "A redirect URI has no fragment (RFC 6749 §3.1.2)."
    if parts.username is not None or parts.password is not None:
        return "A redirect URI has no user name."
    if uri.lower().startswith(own_origin.lower()) and uri[len(own_origin) : len(own_origin) + 1] in ("", "/", "?"):
        return "That is an address of the city's own login."
    if parts.scheme == "https" and host:
        return None
    if parts.scheme == "http" and host in _LOOPBACK:
        return None
    if proof is Proof.NONE and _PRIVATE_SCHEME.fullmatch(parts.scheme) and not parts.netloc:
        return None
    return "Use https; http only for loopback; a scheme of one's own (com.example.app:/…) only for apps without a key."

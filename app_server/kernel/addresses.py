"""Which network addresses the platform may call on behalf of a provider (protection against SSRF). Pure.

A provider names an endpoint; without this check the name could lead to our own database, to a cloud's metadata service
or to a neighbour. The caller resolves the name once, gives every address here, and connects to those very addresses.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

# Public by number, but answered by the cloud host itself.
_HOST_SERVICES = frozenset({ip_address("168.63.129.16")})
# IPv6 ranges that carry an IPv4 address, and the bits where it sits.
_CARRIERS: tuple[tuple[IPv6Network, int], ...] = (
    (IPv6Network("::ffff:0:0/96"), 0),  # mapped
    (IPv6Network("::/96"), 0),  # compatible
    (IPv6Network("::ffff:0:0:0/96"), 0),  # translated (SIIT)
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64
    (IPv6Network("2002::/16"), 80),  # 6to4
)
# Nothing in these is an ordinary host on the Internet, whatever the registry's "global" column says.
_NEVER = tuple(
    ip_network(text)
    for text in ("100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "2001::/32", "fec0::/10")
)
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")


class EndpointRefused(Exception):
    """The endpoint may not be called; the message says why, for the provider and the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a provider's own server listens."""

    secure: bool
    host: str
    port: int

    @property
    def authority(self) -> str:
        """Host and port as they go into the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme and authority."""
        return f"{'https' if self.secure else 'http'}://{self.authority}"


def endpoint(url: str, *, allow_loopback: bool) -> Endpoint:
    """Read an endpoint address. Raises `EndpointRefused`.

    Plain http is for loopback only, which `allow_loopback` opens to the mini-apps that the operator runs.
    """
    if not url.isascii() or re.search(r"[\s\\\x00-\x20\x7f]", url):
        raise EndpointRefused("the endpoint has a character that an address does not have")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise EndpointRefused("the endpoint is not an address") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise EndpointRefused("the endpoint must begin with https://")
    if "@" in parts.netloc or parts.query or parts.fragment or "?" in url or "#" in url:
        raise EndpointRefused("the endpoint must be a plain address: no user name, query or fragment")
    if port == 0 or (re.search(r":\d+$", parts.netloc) is None and parts.netloc.endswith(":")):
        raise EndpointRefused("the endpoint's port is not one")
    if parts.path not in ("", "/"):
        raise EndpointRefused("the endpoint must be a plain address: its server answers at the top")
    host = _host(parts.hostname)
    if parts.scheme == "http" and not (allow_loopback and _is_loopback_name(host)):
        raise EndpointRefused("the endpoint must begin with https://")
    secure = parts.scheme == "https"
    return Endpoint(secure=secure, host=host, port=port or (443 if secure else 80))


def refusal(address: str, *, allow_loopback: bool) -> str | None:
    """Why this address, as a resolver gave it, may not be called; None when it may."""
    text, _, zone = address.partition("%")
    try:
        found = ip_address(text)
    except ValueError:
        return "it is not an IP address"
    if zone:
        return "it has a zone, so it is local to one link"
    found = _carried(found)
    if found.is_loopback:
        return None if allow_loopback else "it is a loopback address"
    if found in _HOST_SERVICES or found.is_link_local:
        return "it is link-local, where clouds keep their metadata"
    if found.is_multicast or found.is_unspecified or found.is_reserved:
        return "it is not the address of one host"
    if any(found in network for network in _NEVER if network.version == found.version) or not found.is_global:
        return "it is not on the public Internet"
    return None


def _carried(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv4Address) or address.is_loopback or address.is_unspecified:
        return address
    for network, shift in _CARRIERS:
        if address in network:
            return IPv4Address(int(address) >> shift & 0xFFFFFFFF)
    return address


def _host(text: str) -> str:
    if "%" in text:
        raise EndpointRefused("the endpoint's host has a zone, so it is local to one link")
    try:
        return str(ip_address(text))
    except ValueError:
        pass
    labels = text.rstrip(".").split(".")
    if len(text) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise EndpointRefused("the endpoint's host is not a name")
    if re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]):
        raise EndpointRefused("the endpoint's host is a number written in an unusual way")
    return ".".join(labels)


def _is_loopback_name(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False

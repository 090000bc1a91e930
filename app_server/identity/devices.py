"""Where a sign-in comes from, pure: the device as it names itself, and the network as far as it says something."""

import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

# The first that is found is meant: nearly every one also calls itself Chrome or Safari, Android also Linux.
_PROGRAMS = (
    ("MicroMessenger", "WeChat"),
    ("AlipayClient", "Alipay"),
    ("HuaweiBrowser", "Huawei Browser"),
    ("MiuiBrowser", "Mi Browser"),
    ("UCBrowser", "UC Browser"),
    ("MQQBrowser", "QQ Browser"),
    ("QQBrowser", "QQ Browser"),
    ("SamsungBrowser", "Samsung Internet"),
    ("EdgA?|EdgiOS", "Edge"),
    ("OPR|Opera", "Opera"),
    ("Firefox|FxiOS", "Firefox"),
    ("Chrome|CriOS|HeadlessChrome", "Chrome"),
    ("Version/[0-9.]+ .*Safari", "Safari"),
)
_SYSTEMS = (
    ("OpenHarmony|HarmonyOS", "HarmonyOS"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Where a sign-in comes from. `device` is the secret name that our cookie gave the browser."""

    user_agent: str
    address: str
    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Program and system by the names that people know, the same in every language; None for what is not said."""

    browser: str | None
    system: str | None

    def __str__(self) -> str:
        return " · ".join(part for part in (self.browser, self.system) if part)


def device_named_by(user_agent: str) -> Device:
    """What a User-Agent header (RFC 9110 §10.1.5) says. Anybody can write one: it is a hint for its owner, no proof."""
    return Device(browser=_first(_PROGRAMS, user_agent, "/"), system=_first(_SYSTEMS, user_agent))


def network_of(address: str) -> str | None:
    """The network around an address, all that is known of a place: the /24 of IPv4, the /48 of IPv6.

    None for a private address, which says nothing.
    """
    try:
        found = ip_address(address.partition("/")[0])
    except ValueError:
        return None
    if not found.is_global:
        return None
    return str(ip_network((found, 24 if found.version == 4 else 48), strict=False))


def _first(names: tuple[tuple[str, str], ...], text: str, end: str = "") -> str | None:
    return next((name for pattern, name in names if re.search(rf"\b(?:{pattern}){end}", text)), None)

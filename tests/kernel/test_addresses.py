"""No endpoint of a stranger leads to our own network, however it is written (SSRF)."""

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_server.gateway.limits import Limits
from app_server.kernel.addresses import EndpointRefused, endpoint, refusal
from tests.gateway.neighbours import OK, listing, saying, street

INSIDE = [
    *("127.0.0.1", "127.1.2.3", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    *("169.254.169.254", "169.254.0.1", "100.64.0.1", "100.100.100.200", "100.127.255.255", "0.0.0.0", "0.1.2.3"),
    *("192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "192.88.99.1", "168.63.129.16"),
    *("224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0"),
    *("febf::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "2001::1", "100::1"),
    *("2001:0:4136:e378:8000:63bf:3fff:fdd2", "64:ff9b:1::7f00:1", "not an address", ""),
]
CARRIED = ["127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.0.1", "100.64.0.1", "172.16.0.1", "0.0.0.0"]


def carried(inner: str) -> list[str]:
    """The ways an IPv6 address carries an IPv4 one."""
    number = int(ipaddress.IPv4Address(inner))
    high, low = f"{number >> 16:x}", f"{number & 0xFFFF:x}"
    return [
        f"::ffff:{inner}",
        f"::ffff:{high}:{low}",
        f"::{high}:{low}",
        f"::ffff:0:{high}:{low}",
        f"64:ff9b::{high}:{low}",
        f"2002:{high}:{low}::1",
    ]


@pytest.mark.parametrize("address", INSIDE + [form for inner in CARRIED for form in carried(inner)])
def test_an_address_inside_is_refused(address: Any) -> None:
    assert refusal(address, allow_loopback=False)


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_an_address_on_the_internet_is_not(address: Any) -> None:
    assert refusal(address, allow_loopback=False) is None


def test_the_operator_may_open_loopback_and_nothing_else() -> None:
    for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
        assert refusal(address, allow_loopback=True) is None
    for address in ("10.0.0.1", "169.254.169.254", "0.0.0.0", "fe80::1", "192.168.0.1"):
        assert refusal(address, allow_loopback=True)


@given(st.ip_addresses())
def test_whatever_the_registries_call_private_is_refused(address: Any) -> None:
    if not address.is_global:
        assert refusal(str(address), allow_loopback=False)


HOSTILE_URLS = [
    *(
        "http://example.com",
        "ftp://example.com",
        "file:///etc/passwd",
        "gopher://x",
        "//example.com",
        "example.com",
        "",
    ),
    *("https://", "https://user@example.com", "https://user:pw@example.com", "https://example.com/path"),
    *("https://example.com?x", "https://example.com/?x", "https://example.com#x", "https://example.com:0"),
    *("https://example.com:99999", "https://example.com:", "https://example.com:8o", "https://exa mple.com"),
    *("https://example.com\\@evil.com", "https://example.com\n", "\thttps://example.com", "https://例子.com"),
    *("https://2130706433", "https://0x7f000001", "https://0177.0.0.1", "https://127.1", "https://0x7f.1"),
    *("https://-a.com", "https://a..com", "https://a_b.com", "https://[::1", "https://[fe80::1%25eth0]"),
    *("https://" + "a" * 64 + ".com", "https://" + "a." * 127 + "com", "https://127.0.0.1%00.example.com"),
    *("http://localhost.example.com", "http://127.0.0.1.example.com", "http://10.0.0.1", "http://[::ffff:10.0.0.1]"),
]


@pytest.mark.parametrize("url", HOSTILE_URLS)
def test_an_address_that_is_not_plain_is_refused(url: Any) -> None:
    with pytest.raises(EndpointRefused):
        endpoint(url, allow_loopback=True)


def test_plain_addresses_are_read() -> None:
    found = endpoint("https://Api.Example.com/", allow_loopback=False)
    assert (found.origin, found.authority, found.port) == ("https://api.example.com", "api.example.com", 443)
    assert endpoint("http://[::1]:81", allow_loopback=True).origin == "http://[::1]:81"
    with pytest.raises(EndpointRefused):
        endpoint("http://localhost:8080", allow_loopback=False)


async def test_a_name_that_leads_inside_is_never_connected_to() -> None:
    async with saying(OK) as canary:
        port = canary.endpoint.rsplit(":", 1)[1]

        async def inside(host: str, wanted: int) -> list[str]:
            return {"one.example": ["127.0.0.1"], "two.example": ["93.184.216.34", "127.0.0.1"]}.get(host, [])

        for host in ("one.example", "two.example", "none.example"):
            app = listing(f"https://{host}:{port}")
            async with street(app, lookup=inside, limits=Limits()) as city:
                city.gateway._settings = city.settings.model_copy(update={"allow_loopback_apps": False})
                assert (await city.ask()).status == 503
        assert canary.connections == 0


async def test_a_name_that_changes_its_mind_is_asked_once_and_the_checked_address_is_used() -> None:
    """DNS rebinding: good when checked, inside when connected. There is no second question."""
    asked = 0
    async with saying(OK) as canary:
        port = canary.endpoint.rsplit(":", 1)[1]

        async def flips(host: str, wanted: int) -> list[str]:
            nonlocal asked
            asked += 1
            return ["203.0.113.9"] if asked > 1 else ["127.0.0.1"]

        async with street(listing(f"http://localhost:{port}"), lookup=flips) as city:
            for _ in range(3):
                assert (await city.ask()).status == 200
        assert asked == 1

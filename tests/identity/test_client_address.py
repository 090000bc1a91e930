"""Whose address is limited: the client's, and never one that the client made up."""

import pytest

from app_server.identity.cookies import client_address
from app_server.kernel.settings import Settings
from app_server.kernel.state import AppRequest


def request(settings: Settings, proxies: int, forwarded: str | None, client: str = "10.0.0.1") -> AppRequest:
    state = {"settings": settings.model_copy(update={"trusted_proxies": proxies})}
    lines = forwarded.split("\n") if forwarded is not None else []
    headers = [(b"x-forwarded-for", line.encode()) for line in lines]
    return AppRequest({"type": "http", "headers": headers, "client": (client, 4711), "state": state})


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, None, "10.0.0.1"),
        (0, "203.0.113.9", "10.0.0.1"),  # nobody in front: anybody may write this header
        (1, None, "10.0.0.1"),  # somebody past the proxy
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "1.2.3.4, 203.0.113.9", "203.0.113.9"),  # the client itself wrote the first
        (2, "1.2.3.4, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
        (2, "203.0.113.9", "10.0.0.1"),
        (1, "1.2.3.4\n203.0.113.9", "203.0.113.9"),  # a proxy may add a line of its own (HAProxy does)
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),  # one household has all of it
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
        (1, "not an address", "not an address"),
    ],
)
def test_only_what_our_own_proxies_add_is_believed(
    settings: Settings, proxies: int, forwarded: str | None, address: str
) -> None:
    assert client_address(request(settings, proxies, forwarded)) == address

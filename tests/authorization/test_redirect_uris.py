"""Which addresses a client may be sent back to."""

import pytest

from app_server.authorization.redirect_uris import mistake_in
from app_server.kernel.ports import Proof


@pytest.mark.parametrize("own", ["https://city.example", "https://city.example:443"])
@pytest.mark.parametrize("host", ["city.example", "CITY.example:443", "city.example:0443", "city.example."])
def test_the_citys_own_address_is_refused_however_it_is_written(own: str, host: str) -> None:
    assert mistake_in(f"https://{host}/x", Proof.NONE, own) == "That is an address of the city's own login."


@pytest.mark.parametrize(
    "place", ["city%2eexample/x", "city.example:/x", "city.example..", "[::2]/x", "-/?", "a/?iss=1"]
)
def test_what_a_browser_reads_otherwise_is_refused(place: str) -> None:
    assert mistake_in(f"https://{place}", Proof.NONE, "https://city.example") is not None


@pytest.mark.parametrize("host", ["city.example:8443", "city.example.org", "my-city.example", "127.0.0.1"])
def test_a_neighbour_of_the_city_may_be_sent_back_to(host: str) -> None:
    assert mistake_in(f"https://{host}/x?tenant=1", Proof.NONE, "https://city.example") is None

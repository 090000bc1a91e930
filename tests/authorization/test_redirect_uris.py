"""Which addresses a client may be sent back to."""

from urllib.parse import urlencode

import pytest

from app_server.authorization.redirect_uris import mistake_in
from app_server.kernel.ports import Proof
from tests.actors import Person
from tests.authorization.redirect_uri_mutations import mutations, of_a_loopback, of_a_query, of_a_scheme
from tests.authorization.relying_parties import PLACE, VERIFIER, question, registered, tokens
from tests.authorization.test_client_sessions import code_for
from tests.city import City

FORM = {"content-type": "application/x-www-form-urlencoded"}
APP = "com.example.clinic:/back"
QUERY = f"{PLACE}?tenant=1&role=a"
LOOPBACK = "http://127.0.0.1:8765/back"
NEARLY = [
    *((PLACE, uri) for uri in mutations()),
    *((QUERY, uri) for uri in of_a_query()),
    *((LOOPBACK, uri) for uri in of_a_loopback()),
    *((APP, uri) for uri in of_a_scheme()),
]


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


async def test_nearly_the_registered_address_is_none(city: City, provider: Person) -> None:
    """Not at the authorization endpoint, where nobody may be led there, nor when the question is pushed."""
    clients = {place: await registered(provider, redirect_uris=[place]) for place in (PLACE, QUERY, LOOPBACK, APP)}
    assert len({uri for _, uri in NEARLY}) > 600
    assert all(place != uri for place, uri in NEARLY)
    led, pushed = [], []
    async with city.browser(accept="text/html") as http:
        for place, uri in NEARLY:
            asked = question(clients[place], redirect_uri=uri, prompt="none")
            for wrong in ({}, {"response_type": "token"}):  # a right question, and one whose error would be told
                answer = await http.get(f"/authorize?{written(asked | wrong)}")
                if answer.status_code != 400 or "location" in answer.headers or 'http-equiv="refresh"' in answer.text:
                    led.append((uri, answer.status_code))
            answer = await http.post("/oauth/par", content=written(asked), headers=FORM)
            if answer.status_code != 400:
                pushed.append((uri, answer.status_code))
        assert (led, pushed) == ([], [])
        for place, client in clients.items():
            asked = question(client, redirect_uri=place, prompt="none")
            assert (await http.get(f"/authorize?{written(asked)}")).status_code == 303
            assert (await http.post("/oauth/par", content=written(asked), headers=FORM)).status_code == 201


async def test_nearly_the_address_of_the_question_gets_no_token(city: City, clinic: str, lin: Person) -> None:
    code, taken = await code_for(city, clinic, lin), []
    async with city.browser() as http:
        for uri in mutations():
            form = {"grant_type": "authorization_code", "client_id": clinic, "code": code, "code_verifier": VERIFIER}
            answer = await http.post("/oauth/token", content=written(form | {"redirect_uri": uri}), headers=FORM)
            if answer.status_code != 400:
                taken.append((uri, answer.status_code))
    assert taken == []
    assert (await tokens(city, clinic, code)).status_code == 200


def written(form: dict[str, str]) -> str:
    """A query or form, also of what is no text."""
    return urlencode(form, errors="surrogatepass")

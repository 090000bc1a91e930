"""Signing out by a form: the page after it says which services have heard, to whoever has its name."""

from datetime import timedelta

import pytest

from tests.actors import Person
from tests.authorization.conftest import provider_of
from tests.authorization.receivers import receiver
from tests.authorization.relying_parties import Browser, question, registered, tokens, told
from tests.city import City


@pytest.fixture
async def lin(city: City) -> Person:
    return await city.person()


async def signs_in_to(city: City, browser: Browser, client: str) -> None:
    page = await browser.asks(question(client))
    await tokens(city, client, told(await browser.presses(page, answer="allow"))["code"])


async def test_the_page_counts_who_has_confirmed(city: City, lin: Person) -> None:
    provider, browser = await provider_of(city, "Fuzhou Clinic", "+8613800000003"), Browser(city, lin)
    async with receiver() as good, receiver() as bad:
        bad.status = 503
        for name, uri in (("Clinic", good.uri), ("Pool", bad.uri), ("Museum", None)):
            names = {"zh-CN": "服务", "en": name}
            client = await registered(provider, name=names, backchannel_logout_uri=uri)
            await signs_in_to(city, browser, client)
        gone = await browser.http.post("/sign-out?next=/cards")
        assert gone.headers["location"].startswith("/signed-out/")
        assert "Max-Age=0" in gone.headers["set-cookie"]
        at_once = await browser.http.get(gone.headers["location"])
        assert "0 of 3" in at_once.text  # the worker has not come to it yet
        await city.work()
        later = await browser.http.get(gone.headers["location"])
    assert "1 of 2 services have confirmed" in later.text
    for words in ("Confirmed", "Trying again", "Next try at", "Takes no message", "Look again"):
        assert words in later.text
    assert 'href="/sign-in?next=/cards"' in later.text
    assert later.headers["cache-control"] == "no-store"
    city.clock.ahead = timedelta(minutes=31)
    assert (await browser.http.get(gone.headers["location"])).status_code == 404


async def test_nobody_guesses_the_name_of_another_sign_out(city: City, lin: Person) -> None:
    async with city.browser(accept="text/html") as http:
        for name in ("", "x", "AAAA" * 30, "%00", "榕"):
            assert (await http.get(f"/signed-out/{name}")).status_code == 404


async def test_where_no_service_is_concerned_it_is_the_sign_in_page(city: City, lin: Person) -> None:
    browser = Browser(city, lin)
    gone = await browser.http.post("/sign-out?next=/cards")
    assert gone.headers["location"] == "/sign-in?next=%2Fcards"
    again = await browser.http.post("/sign-out")  # in a second tab
    assert again.headers["location"] == "/sign-in?next=%2F"


async def test_the_sessions_page_shows_what_ended_of_late(city: City, lin: Person) -> None:
    provider, desk = await provider_of(city, "Fuzhou Clinic", "+8613800000003"), Browser(city, lin)
    async with receiver() as good:
        client = await registered(provider, backchannel_logout_uri=good.uri)
        await signs_in_to(city, desk, client)
        await lin.sign_in()
        phone = Browser(city, lin)
        await phone.http.post("/sessions", data={"act": "end_others"})
        await city.work()
    shown = (await phone.http.get("/sessions")).text
    assert "1 of 1 service has confirmed" in shown
    assert "Fuzhou Clinic" in shown

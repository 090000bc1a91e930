"""A screen at the clinic's counter asks a resident's phone (RFC 8628): she scans, enters the number, and says yes."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from app_server.authorization.devices import DEVICE_GRANT
from app_server.embedded.processes import wait_until
from tests.authorization.relying_parties import CLINIC
from tests.browser.conftest import DESK, PHONE, Open
from tests.browser.demo import PROVIDER, RESIDENT, Demo
from tests.browser.looks import faults_of
from tests.browser.screens import read_screen

pytestmark = pytest.mark.browser

numbers = (f"+86138001222{each:02}" for each in count(1))
LOOKS: dict[str, dict[str, object]] = {
    "phone": {"size": PHONE},
    "dark phone in Chinese, elder": {"size": PHONE, "theme": "dark", "locale": "zh-CN", "elder": True},
    "dark desk": {"size": DESK, "theme": "dark"},
}
SHOWN = """<!doctype html><html lang="en"><title>Counter 3</title><body>
<img src="{banyan_qr_uri}" width="400" height="400" alt=""><p>{banyan_number}</p><p>{user_code}</p>"""


@dataclass
class Screen:
    """The clinic's screen, as a program of the clinic's draws it."""

    demo: Demo
    client_id: str
    shows: dict[str, Any]

    def asks(self) -> dict[str, Any]:
        """What it hears at the token endpoint."""
        form = {"grant_type": DEVICE_GRANT, "client_id": self.client_id, "device_code": self.shows["device_code"]}
        answer: dict[str, Any] = httpx2.post(f"{self.demo.base_url}/oauth/token", data=form).json()
        return answer

    def other_number(self) -> str:
        """A number that it does not show."""
        return "10" if self.shows["banyan_number"] != "10" else "11"


@pytest.fixture
def screen(demo: Demo) -> Iterator[Screen]:
    """A screen that shows a code; its client is registered by the provider for this test."""
    with demo.client(PROVIDER) as provider:
        said = {**CLINIC, "redirect_uris": [], "device_flow": True}
        made = provider.post("/v1/provider/clients", json=said)
        assert made.status_code == 201, made.text
        client_id = made.json()["client_id"]
        form = {"client_id": client_id, "scope": "openid profile phone"}
        asked = f"{demo.base_url}/oauth/device_authorization"
        assert wait_until(lambda: httpx2.post(asked, data=form).status_code == 200, seconds=10)
        yield Screen(demo, client_id, httpx2.post(asked, data=form).json())
        provider.delete(f"/v1/provider/clients/{client_id}")


def signs_in(page: Page, demo: Demo, phone: str) -> None:
    page.get_by_label("Mobile number").fill(phone)
    page.get_by_role("button", name="Send code").click()
    page.get_by_label("Six-digit code").fill(demo.code_sent_to(phone))
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize("javascript", [True, False])
def test_she_scans_signs_in_enters_the_number_and_the_screen_knows_her(
    visit: Open, demo: Demo, screen: Screen, tmp_path: Path, javascript: bool
) -> None:
    counter = visit("/sign-in", size=DESK)
    counter.set_content(SHOWN.format(**screen.shows))
    scanned = read_screen(counter, tmp_path / "counter.png")
    assert scanned == screen.shows["verification_uri_complete"]

    number = next(numbers)
    phone = visit(scanned.removeprefix(demo.base_url), size=PHONE, java_script_enabled=javascript)
    signs_in(phone, demo, number)
    phone.get_by_label("Number on the screen").fill(counter.locator("p").first.inner_text())
    assert screen.asks()["error"] == "authorization_pending"
    phone.get_by_role("button", name="Go on").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Let Fuzhou Clinic on this screen know that it is you?")
    phone.get_by_role("button", name="Yes, this screen").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("The screen goes on now")

    heard = screen.asks()
    known = httpx2.get(
        f"{demo.base_url}/oauth/userinfo", headers={"authorization": f"Bearer {heard['access_token']}"}
    ).json()
    assert known["phone_number"] == number

    phone.reload()  # nothing is asked or done twice
    expect(phone.get_by_role("heading", level=1)).to_have_text("The screen goes on now")
    if javascript:
        phone.get_by_role("link", name="What services may see").click()
        expect(phone.get_by_text("Fuzhou Clinic").first).to_be_visible()


def test_a_link_on_another_site_is_no_screen(visit: Open, demo: Demo, screen: Screen) -> None:
    page = visit("/device", as_=RESIDENT, size=PHONE)
    link = f'<a href="{screen.shows["verification_uri_complete"]}">Your number is {screen.shows["banyan_number"]}</a>'
    page.route("http://prize.example/", lambda route: route.fulfill(body=link, content_type="text/html"))
    page.goto("http://prize.example/")
    page.get_by_role("link", name="Your number").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Enter the letters on the screen")
    expect(page.get_by_role("alert").first).to_contain_text("Another website sent you here, and not a screen.")


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_on_the_way_is_whole_and_clean(visit: Open, demo: Demo, screen: Screen, look: str) -> None:
    path = screen.shows["verification_uri_complete"].removeprefix(demo.base_url)
    page = visit("/device", as_=RESIDENT, **LOOKS[look])
    assert not faults_of(page)
    page.get_by_role("textbox").fill("BBBB")
    page.locator(".button--primary").click()
    expect(page.locator("#error")).to_be_visible()
    assert not faults_of(page)
    page.goto(demo.base_url + path)
    assert not faults_of(page)
    page.get_by_role("textbox").fill("4")
    page.locator(".button--primary").click()
    expect(page.locator("#error")).to_be_visible()
    assert not faults_of(page)
    page.get_by_role("textbox").fill(screen.shows["banyan_number"])
    page.locator(".button--primary").click()
    expect(page.locator("button[value=deny]")).to_be_visible()
    assert not faults_of(page)
    page.locator("button[value=deny]").click()
    expect(page.locator(".kind h1")).to_be_visible()
    assert not faults_of(page)


def test_the_wrong_number_is_told_and_ends_it(visit: Open, demo: Demo, screen: Screen) -> None:
    page = visit(screen.shows["verification_uri_complete"].removeprefix(demo.base_url), as_=RESIDENT, size=PHONE)
    page.get_by_label("Number on the screen").fill(screen.other_number())
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Not the right number")
    assert not faults_of(page)
    assert screen.asks()["error"] == "access_denied"

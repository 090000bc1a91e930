"""Every page of the resident's app, small and large, light and dark, normal and elder, in both languages: whole, and
clean for axe.
"""

import re
from collections.abc import Iterable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESK, PHONE, Open
from tests.browser.demo import OPERATOR, Demo
from tests.browser.looks import faults_of

pytestmark = pytest.mark.browser

SMALLEST = (320, 640)
NEWCOMER, REGULAR = "+8613800000021", "+8613800000022"
PAGES = (
    "/",
    "/cards",
    "/code",
    "/inbox",
    "/me",
    "/me/profile",
    "/me/ledger",
    "/me/consents",
    "/me/sessions",
    "/apps/library",
    "/apps/nothing-like-it",
)
ASIDE = ("/me/identity", "/sign-out", "/sessions", "/mandates", "/nowhere", "/problems/card_code_already_used")
LOOKS: dict[str, dict[str, Any]] = {
    "phone": {"size": PHONE},
    "dark phone in Chinese": {"size": PHONE, "theme": "dark", "locale": "zh-CN"},
    "elder phone in Chinese": {"size": PHONE, "locale": "zh-CN", "elder": True},
    "smallest phone, elder, dark": {"size": SMALLEST, "theme": "dark", "elder": True},
    "desk in Chinese": {"size": DESK, "locale": "zh-CN"},
    "dark desk, elder": {"size": DESK, "theme": "dark", "elder": True},
}


def prefer(demo: Demo, phone: str, look: dict[str, Any]) -> None:
    """The app follows the person's own choice, so the person chooses the look."""
    with demo.client(phone) as resident:
        chosen = {"locale": look.get("locale", "en"), "elder_mode": bool(look.get("elder")), "theme": "auto"}
        changed = resident.patch("/v1/me", json=chosen)
        assert changed.status_code == 200, changed.text


def settle(page: Page) -> None:
    """Wait until the page has drawn what it shows."""
    expect(page.locator("h1")).to_have_count(1)
    expect(page.locator(".skeleton")).to_have_count(0)
    expect(page.locator("#main .show__panel[aria-hidden]")).to_have_count(0)


def faults_on(visit: Open, demo: Demo, phone: str, paths: Iterable[str], look: dict[str, Any]) -> dict[str, list[str]]:
    """What is to mend on each of the pages."""
    prefer(demo, phone, look)
    page = visit("/", as_=phone, **look)
    faults = {}
    for path in paths:
        page.goto(demo.base_url + path)
        settle(page)
        assert page.locator("html").get_attribute("lang") == look.get("locale", "en")
        if found := faults_of(page):
            faults[path] = found
    return faults


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_whole_and_clean(visit: Open, demo: Demo, look: str) -> None:
    demo.library_card(REGULAR)
    assert faults_on(visit, demo, REGULAR, PAGES, LOOKS[look]) == {}


@pytest.mark.parametrize("look", ["phone", "smallest phone, elder, dark"])
def test_the_pages_of_a_newcomer_are_whole_and_clean(visit: Open, demo: Demo, look: str) -> None:
    assert faults_on(visit, demo, NEWCOMER, (*PAGES, *ASIDE), LOOKS[look]) == {}


@pytest.mark.parametrize("look", ["phone", "smallest phone, elder, dark", "desk in Chinese"])
def test_the_door_is_whole_and_clean(visit: Open, look: str) -> None:
    page = visit("/sign-in", **LOOKS[look])
    assert not faults_of(page)
    page.locator("#phone").fill("12345")
    page.locator("form button").first.click()
    expect(page.get_by_role("alert").first).to_be_visible()
    assert not faults_of(page)


def test_consent_is_whole_and_clean(visit: Open, demo: Demo) -> None:
    page = visit("/consent?app_id=library", as_=OPERATOR, size=SMALLEST)
    expect(page.get_by_role("heading", name=re.compile("asks for your consent"))).to_be_visible()
    assert not faults_of(page)


def test_twice_the_text_loses_nothing_on_the_smallest_phone(visit: Open, demo: Demo) -> None:
    demo.library_card(REGULAR)
    prefer(demo, REGULAR, {})
    page = visit("/", as_=REGULAR, size=SMALLEST)
    faults = {}
    for path in (*PAGES, "/consent?app_id=library"):
        page.goto(demo.base_url + path)
        settle(page)
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        if found := [fault for fault in faults_of(page) if "wide" in fault]:
            faults[path] = found
    assert faults == {}

"""Every desk page, small and large, light and dark, normal and elder, in both languages: whole, and clean for axe."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESK, PHONE, Open
from tests.browser.demo import OPERATOR, PROVIDER, Demo
from tests.browser.looks import faults_of

pytestmark = pytest.mark.browser

PAGES = {
    "/console": OPERATOR,
    "/console?app=library": OPERATOR,
    "/console?q=nothing-like-it": OPERATOR,
    "/console/readers": OPERATOR,
    "/console/mandates": OPERATOR,
    "/console/audit": OPERATOR,
    "/portal": PROVIDER,
    "/portal/check": PROVIDER,
    "/portal/clients": PROVIDER,
    "/reader": None,
    "/demo/outbox": None,
}
LOOKS: dict[str, dict[str, object]] = {
    "phone": {"size": PHONE},
    "dark phone in Chinese, elder": {"size": PHONE, "theme": "dark", "locale": "zh-CN", "elder": True},
    "dark desk": {"size": DESK, "theme": "dark"},
}


def drawn(page: Page) -> None:
    """Wait until the page shows what it has to show."""
    expect(page.locator("h1")).to_have_count(1)
    expect(page.locator("[aria-busy=true], .skeleton")).to_have_count(0)


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("path", PAGES)
def test_the_page_is_whole_and_clean(visit: Open, demo: Demo, path: str, look: str) -> None:
    page = visit(path, as_=PAGES[path], **LOOKS[look])
    drawn(page)
    assert page.locator("html").get_attribute("lang") == LOOKS[look].get("locale", "en")
    assert not faults_of(page)


@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_lost_at_twice_the_text_size_on_the_smallest_phone(visit: Open, path: str) -> None:
    page = visit(path, as_=PAGES[path], size=(320, 640))
    drawn(page)
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert not faults_of(page)

"""The demo's text messages: the newest on top, by itself, with the code ready to be copied."""

import re

import httpx2
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, Open
from tests.browser.demo import Demo
from tests.browser.looks import faults_of

pytestmark = pytest.mark.browser


def test_a_new_code_appears_by_itself_on_top_and_can_be_copied(visit: Open, demo: Demo) -> None:
    page = visit("/demo/outbox", size=PHONE)
    expect(page.get_by_text("Demo only")).to_be_visible()
    with httpx2.Client(base_url=demo.base_url) as somebody:
        assert somebody.post("/v1/sign-in/challenges", json={"phone": "+8613812345678"}).status_code == 202
    newest = page.locator(".sms").first
    expect(newest).to_contain_text(re.compile(r"138\s*1234\s*5678"), timeout=10_000)
    expect(page.locator("#live")).to_contain_text("A new message has arrived.")
    button = newest.get_by_role("button", name=re.compile(r"^Copy code \d{6}$"))
    code = button.inner_text().split()[-1]
    button.click()
    assert page.evaluate("navigator.clipboard.readText()") == code
    assert not faults_of(page)


def test_it_stands_still_while_it_is_paused(visit: Open) -> None:
    page = visit("/demo/outbox")
    page.get_by_role("button", name="Pause").click()
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url))
    page.wait_for_timeout(3000)
    assert not asked

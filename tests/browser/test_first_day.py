"""A resident's first day, end to end, in the order in which it happens to her."""

import re
import time
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Open
from tests.browser.demo import OPERATOR, Demo
from tests.browser.screens import read_screen

HER_NUMBER = "138 0000 0077"
NO_CAMERA = "Object.defineProperty(navigator, 'mediaDevices', { value: undefined })"


def sign_in(page: Page, outbox: Page) -> None:
    """With the code that she reads in the text message."""
    page.get_by_label("Mobile number").fill(HER_NUMBER)
    page.get_by_role("button", name="Send code").click()
    message = outbox.locator("li, article, tr").filter(has_text="0077").first
    expect(message).to_be_visible()
    found = re.search(r"(?<!\d)\d{3} ?\d{3}(?!\d)", message.inner_text().replace(HER_NUMBER, ""))
    assert found
    page.get_by_label("Six-digit code").fill(found[0].replace(" ", ""))
    page.get_by_role("button", name="Sign in").click()


def test_a_residents_first_day(visit: Open, demo: Demo, tmp_path: Path) -> None:
    outbox = visit("/demo/outbox")
    phone = visit("/", size=PHONE)
    sign_in(phone, outbox)
    expect(phone.get_by_role("heading", level=1)).to_be_visible()

    # she opens Library, is asked for her name and why, and allows it
    phone.get_by_role("link", name=re.compile("Fuzhou Library")).first.click()
    phone.wait_for_url("**/consent?**")
    expect(phone.get_by_role("main")).to_contain_text("to print your name on your library card")
    phone.get_by_role("button", name="Allow").click()
    library = phone.frame_locator("iframe")
    expect(library.get_by_role("heading", level=1)).to_be_visible()
    frame = next(f for f in phone.frames if "library.localhost" in f.url)
    assert "banyan_session" not in frame.evaluate("document.cookie")

    # she finds a book and borrows it; the notice comes while she looks, in her language
    library.get_by_role("searchbox").fill("red chamber")
    found = library.get_by_role("listitem").filter(has_text="Dream of the Red Chamber")
    found.get_by_role("button", name=re.compile("^Borrow")).click()
    expect(phone.locator(".toast")).to_contain_text("You borrowed a book")

    # her card is in the wallet; she shows it
    phone.get_by_role("button", name="Close", exact=True).click()
    phone.get_by_role("link", name=re.compile("Inbox")).first.click()
    expect(phone.get_by_role("article").first).to_contain_text("Dream of the Red Chamber")
    phone.get_by_role("link", name=re.compile("Cards$")).first.click()
    phone.get_by_role("link", name=re.compile("Library card")).click()
    picture = tmp_path / "phone.png"
    shown = read_screen(phone, picture)

    # the librarian scans the picture once, and once more
    desk = visit("/reader", before=NO_CAMERA)
    desk.get_by_label("Enrolment code").fill(demo.new_code("Desk of the first day"))
    desk.get_by_label("Enrolment code").press("Enter")
    desk.locator("#picture").set_input_files(picture)
    expect(desk.get_by_role("heading", name="Accepted")).to_be_visible()
    desk.get_by_role("button", name="Check the next card").click()
    desk.locator("#picture").set_input_files(picture)
    expect(desk.get_by_role("heading", name="Not accepted")).to_be_visible()
    expect(desk.locator(".result")).to_contain_text("Wait for the next code on the phone")

    # within a quarter of a minute her phone shows another code
    deadline = time.monotonic() + 30
    while read_screen(phone, picture) == shown:
        assert time.monotonic() < deadline
        phone.wait_for_timeout(500)

    # she sees who looked
    phone.goto(demo.base_url + "/me")
    phone.get_by_role("link", name=re.compile("Who saw my data")).click()
    expect(phone.get_by_role("main")).to_contain_text("Desk of the first day")

    # an operator pauses Library; she gets a kind page, until it is open again
    phone.goto(demo.base_url + "/apps/library")
    expect(phone.frame_locator("iframe").get_by_role("heading", level=1)).to_be_visible()
    with demo.client(OPERATOR) as operator:
        paused = operator.post("/v1/operator/listings/library/suspension", json={"reason": "Moving the shelves"})
        assert paused.status_code == 200, paused.text
        try:
            expect(phone.locator("#frame")).to_contain_text("paused")  # within five seconds, with no touch of hers
            expect(phone.locator("#frame")).to_contain_text("Moving the shelves")
        finally:
            operator.post("/v1/operator/listings/library/lift", json={"reason": "The shelves stand"})
    expect(phone.frame_locator("iframe").get_by_role("heading", level=1)).to_be_visible()

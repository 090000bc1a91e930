"""A resident with her phone: she signs in, shows a card, is told things, and decides who may see what."""

import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Open
from tests.browser.demo import OPERATOR, Demo
from tests.browser.screens import read_screen
from tests.browser.test_resident_look import NEWCOMER, prefer

pytestmark = pytest.mark.browser

LIN = "+8613800000023"


@pytest.fixture
def lin(demo: Demo) -> str:
    """A resident who has a library card and reads English."""
    demo.library_card(LIN)
    prefer(demo, LIN, {})
    return LIN


def shown_code(page: Page, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a reader's camera takes from the screen."""
    picture = tmp_path_factory.mktemp("screen") / "card.png"
    return read_screen(page.locator(".show__panel"), picture)


def test_she_signs_in_without_javascript(visit: Open, demo: Demo) -> None:
    page = visit("/me", size=PHONE, java_script_enabled=False)
    page.get_by_label("Mobile number").fill("138 0000 0024")
    page.get_by_role("button", name="Send code").click()
    deadline, code = time.monotonic() + 10, None
    while code is None and time.monotonic() < deadline:
        outbox = page.request.get(demo.base_url + "/v1/demo/outbox")
        texts = [item["text"] for item in outbox.json()["items"] if item["to"].endswith("0024")]
        code = re.search(r"(?<!\d)\d{6}(?!\d)", texts[-1]) if texts else None
        time.sleep(0.1)
    assert code
    page.get_by_label("Six-digit code").fill("000000" if code[0] != "000000" else "111111")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert").first).to_contain_text("Tries left: 4.")
    page.get_by_label("Six-digit code").fill(code[0])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(demo.base_url + "/me")


def test_her_card_can_be_read_from_a_dark_screen_and_its_code_is_renewed(
    visit: Open, lin: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    page = visit("/cards", as_=lin, size=PHONE, theme="dark", device_scale_factor=2)
    page.get_by_role("link", name=re.compile("Library card")).click()
    spoken = page.locator(".show__spoken")
    expect(spoken).to_have_text(re.compile(r"^\d{12}$"))
    first, digits = shown_code(page, tmp_path_factory), spoken.text_content() or ""
    assert first.startswith("BC1:")
    expect(spoken).not_to_have_text(digits, timeout=20_000)
    assert shown_code(page, tmp_path_factory) != first
    page.get_by_role("button", name="Larger").click()
    expect(page.get_by_role("button", name="Smaller")).to_have_attribute("aria-pressed", "true")
    box = page.locator(".show__code").bounding_box()
    assert box and box["width"] > 300
    assert shown_code(page, tmp_path_factory).startswith("BC1:")


def test_offline_she_is_told_so_and_the_code_comes_back_by_itself(visit: Open, lin: str) -> None:
    page = visit("/", as_=lin, size=PHONE)
    page.clock.install()
    page.get_by_role("link", name="City code", exact=True).click()
    expect(page.locator(".show__spoken")).to_be_visible()
    page.context.set_offline(True)
    expect(page.get_by_role("status").filter(has_text="You are offline.")).to_be_visible()
    page.clock.fast_forward(16_000)
    expect(page.locator(".show__renew")).to_contain_text("Waiting for the network")
    page.clock.fast_forward(60_000)
    expect(page.locator(".show__over")).to_contain_text("no new code can be made")
    expect(page.locator(".show__spoken")).to_be_hidden()
    page.context.set_offline(False)
    expect(page.locator(".show__spoken")).to_be_visible()


def test_the_app_starts_without_a_network(visit: Open, lin: str) -> None:
    page = visit("/", as_=lin, size=PHONE)
    page.evaluate("navigator.serviceWorker.ready")
    page.wait_for_function("caches.keys().then(names => names.some(name => name.startsWith('banyan-shell-')))")
    page.reload()
    page.context.set_offline(True)
    page.goto(page.url + "cards")
    expect(page.get_by_role("alert").filter(has_text="not connected")).to_be_visible()
    expect(page.get_by_role("link", name="Inbox")).to_be_visible()
    kept = page.evaluate(
        "caches.keys().then(names => Promise.all(names.map(name => caches.open(name).then(c => c.keys()))))"
        ".then(all => all.flat().map(request => new URL(request.url).pathname))"
    )
    assert kept and not [path for path in kept if not re.match(r"/(static|messages)/|/shell$", path)]
    page.context.set_offline(False)
    expect(page.get_by_role("link", name=re.compile("Library card"))).to_be_visible()


def test_what_happens_in_a_service_reaches_her_while_she_looks(visit: Open, demo: Demo, lin: str) -> None:
    inbox = visit("/inbox", as_=lin, size=PHONE)
    expect(inbox.get_by_role("article").first).to_be_visible()
    before = inbox.get_by_role("article").count()
    page = visit("/apps/library", as_=lin, size=PHONE)
    frame = page.frame_locator("iframe")
    frame.get_by_role("button", name=re.compile("^Borrow")).first.click()
    expect(page.locator(".toast")).to_contain_text("You borrowed a book")
    expect(inbox.get_by_role("article")).to_have_count(before + 1)
    fresh = inbox.get_by_role("article").first
    expect(fresh).to_contain_text("New")
    fresh.get_by_role("button", name="Mark as read").click()
    expect(fresh.get_by_role("button", name="Mark as read")).to_be_hidden()
    inbox.reload()
    expect(inbox.get_by_role("article").first).not_to_contain_text("New")
    page.get_by_role("button", name="Close", exact=True).click()
    expect(page.get_by_role("link", name="Home")).to_have_attribute("aria-current", "page")


def test_a_service_knows_her_only_through_its_own_page(visit: Open, demo: Demo, lin: str) -> None:
    page = visit("/apps/library", as_=lin, size=PHONE)
    expect(page.frame_locator("iframe").get_by_role("heading", level=1)).to_be_visible()
    frame = page.frames[-1]
    assert frame.evaluate("document.cookie") == ""
    origin = frame.evaluate("location.origin")
    assert origin.startswith("http://library.localhost:")
    # Another window that says hello gets no port: it is not the page in the frame.
    answered = page.evaluate(
        """() => new Promise((resolve) => {
            addEventListener("message", (event) => { if (event.data?.banyan === "port") resolve("a port"); });
            postMessage({ banyan: "hello", version: 1 }, "*");
            setTimeout(resolve, 500, "nothing");
        })"""
    )
    assert answered == "nothing"


def test_the_code_that_opens_a_service_stands_in_no_address(visit: Open, demo: Demo, lin: str) -> None:
    page = visit("/inbox", as_=lin, size=PHONE)
    went: list[str] = []
    page.on("request", lambda request: went.append(request.url))
    page.goto(f"{demo.base_url}/apps/library")
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("button", name=re.compile("^Borrow")).first).to_be_visible()
    assert any("banyan_launch=" in url for url in went)
    assert not any("banyan_code=" in url for url in went)
    assert len([url for url in went if url.endswith("/v1/miniapps/library/launch")]) == 1


def test_she_takes_a_consent_back(visit: Open, demo: Demo, lin: str) -> None:
    page = visit("/me/consents", as_=lin, size=PHONE)
    page.get_by_role("button", name=re.compile("Withdraw .*notices")).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Keep it").click()
    expect(page.get_by_role("button", name=re.compile("Withdraw .*notices"))).to_be_visible()
    page.get_by_role("button", name=re.compile("Withdraw .*notices")).click()
    dialog.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_role("button", name=re.compile("Withdraw .*notices"))).to_have_count(0)
    with demo.client(lin) as resident:
        assert "notices:send" not in {c["scope"] for c in resident.get("/v1/consents").json()["items"]}
        resident.post("/v1/consents", json={"app_id": "library", "scopes": ["notices:send"]})


def test_a_newcomer_is_asked_her_name_and_chooses_how_the_city_looks(visit: Open, demo: Demo) -> None:
    prefer(demo, NEWCOMER, {})
    page = visit("/", as_=NEWCOMER, size=PHONE)
    page.get_by_role("link", name=re.compile("Add your name")).click()
    page.get_by_label("Your name").fill("Lin Wanqing")
    page.get_by_label("District or county").select_option(label="Gulou District")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("heading", name="Lin Wanqing")).to_be_visible()
    page.get_by_label("Dark").check()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_label("Elder mode").click()
    expect(page.locator("html")).to_have_attribute("data-elder", "")
    page.get_by_label("简体中文").check()
    expect(page.get_by_role("heading", name="我的")).to_be_visible()
    smallest = page.evaluate(
        "Math.min(...[...document.querySelectorAll('.shell a, .shell button, .shell select')]"
        ".filter(e => e.checkVisibility()).map(e => e.getBoundingClientRect().height))"
    )
    assert smallest >= 60
    page.goto(demo.base_url + "/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Lin Wanqing")
    with demo.client(NEWCOMER) as resident:
        resident.patch("/v1/me", json={"name": "", "district_code": None, "theme": "auto"})


def test_a_paused_service_gives_her_a_kind_page_within_five_seconds(visit: Open, demo: Demo, lin: str) -> None:
    page = visit("/", as_=lin, size=PHONE)
    with demo.client(OPERATOR) as operator:
        paused = operator.post("/v1/operator/listings/library/suspension", json={"reason": "The loan system moves"})
        assert paused.status_code == 200, paused.text
        try:
            deadline = time.monotonic() + 5
            while time.monotonic() < deadline:
                page.goto(demo.base_url + "/apps/library")
                page.locator(".frame__body h2, iframe").first.wait_for()
                if page.locator(".frame__body h2").count():
                    break
            expect(page.get_by_role("heading", name="This service is paused")).to_be_visible()
            expect(page.get_by_text("The loan system moves")).to_be_visible()
            assert not page.locator("iframe").count()
            expect(page.locator(".frame__body").get_by_role("link", name="Go to Home")).to_be_visible()
        finally:
            operator.post("/v1/operator/listings/library/lift", json={"reason": "It has moved"})
    expect(page.locator("iframe")).to_be_visible()  # the open page hears of it, and she goes on where she was


def test_she_goes_through_the_app_by_keyboard(visit: Open, lin: str) -> None:
    page = visit("/", as_=lin)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.get_by_role("link", name="Cards").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Cards", level=1)).to_be_visible()
    assert page.title() == "Cards · Banyan"
    page.get_by_role("link", name="Home").focus()
    page.keyboard.press("Enter")
    page.get_by_role("searchbox", name="Search services").fill("nothing like it")
    expect(page.get_by_role("status")).to_contain_text("No service matches")
    page.get_by_role("searchbox", name="Search services").fill("福州")
    expect(page.get_by_role("link", name=re.compile("Fuzhou Library"))).to_be_visible()


def test_she_signs_out_and_leaves_nothing_behind(visit: Open, demo: Demo) -> None:
    leaver = "+8613800000025"
    prefer(demo, leaver, {})
    page = visit("/me", as_=leaver, size=PHONE)
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("dialog").get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in?next=%2F")
    assert page.evaluate("localStorage.length") == 0
    assert "banyan_session" not in {cookie["name"] for cookie in page.context.cookies()}
    page.goto(demo.base_url + "/me")
    page.wait_for_url("**/sign-in?next=%2Fme")

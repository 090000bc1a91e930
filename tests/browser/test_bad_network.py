"""Answers that come late, wrong or not at all, and what the pages make of them."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import PHONE, Open
from tests.browser.demo import OPERATOR, Demo
from tests.browser.test_reader_page import NO_CAMERA
from tests.browser.test_resident_app import LIN
from tests.browser.test_resident_look import prefer

pytestmark = pytest.mark.browser

BLANK = "/demo/outbox"  # a page from which the one to be tested is opened, once its answers are arranged
CODE = re.compile(r"/v1/cards/[^/]+/code$")
INBOX = re.compile(r"/v1/inbox(\?|$)")

Answer = dict[str, Any]


@pytest.fixture
def lin(demo: Demo) -> str:
    """A resident who reads English."""
    prefer(demo, LIN, {})
    return LIN


def in_turn(*answers: Answer | Callable[[Route], None] | None) -> Callable[[Route], None]:
    """Answer the first requests so, one after the other, and let the server answer the rest. `None` lets it, too."""
    left = list(answers)

    def handle(route: Route) -> None:
        answer = left.pop(0) if left else None
        if answer is None:
            route.continue_()
        elif callable(answer):
            answer(route)
        else:
            route.fulfill(**answer)

    return handle


def lost(route: Route) -> None:
    """The server does what is asked, and its answer never arrives."""
    route.fetch()
    route.abort()


def entry(number: int) -> dict[str, Any]:
    """A notice, as far as the inbox needs it."""
    return {
        "id": str(number),
        "position": number,
        "title": f"Notice {number}",
        "body": "",
        "at": "2026-01-01T00:00:00Z",
    }


@pytest.mark.parametrize(
    "refused",
    [
        {"status": 502, "content_type": "text/html", "body": "<h1>Bad gateway</h1>"},
        {"status": 429, "json": {"code": "too_many_requests", "status": 429}},
    ],
    ids=["502", "429"],
)
def test_a_first_code_that_cannot_be_had_is_told_and_comes_by_itself(
    visit: Open, demo: Demo, lin: str, refused: Answer
) -> None:
    card = demo.library_card(lin)
    page = visit(BLANK, as_=lin, size=PHONE)
    page.route(CODE, in_turn(refused))
    page.goto(f"{demo.base_url}/cards/{card['id']}")
    expect(page.locator(".show__over")).to_contain_text("Try again")
    expect(page.locator(".show__spoken")).to_have_text(re.compile(r"^\d{12}$"))
    expect(page.locator(".show__over")).to_be_hidden()


def test_a_card_that_cannot_be_shown_says_why_and_can_be_tried_again(visit: Open, demo: Demo, lin: str) -> None:
    card = demo.library_card(lin)
    page = visit(BLANK, as_=lin, size=PHONE)
    page.route(CODE, in_turn({"status": 409, "json": {"code": "card_cannot_be_shown", "status": 409, "detail": "No."}}))
    page.goto(f"{demo.base_url}/cards/{card['id']}")
    page.locator(".show__over").get_by_role("button", name="Try again").click()
    expect(page.locator(".show__spoken")).to_have_text(re.compile(r"^\d{12}$"))


@pytest.mark.parametrize(
    ("path", "list_of"), [("/inbox", "inbox"), ("/me/ledger", "ledger"), ("/console/audit", "operator/audit")]
)
def test_more_pressed_twice_brings_the_next_page_once(
    visit: Open, demo: Demo, lin: str, path: str, list_of: str
) -> None:
    page = visit(BLANK, as_=OPERATOR if path.startswith("/console") else lin, size=PHONE)
    asked: list[str] = []

    def handle(route: Route) -> None:
        asked.append(route.request.url)
        second = "cursor=" in route.request.url
        when = "2026-01-01T00:00:00Z"
        item = {
            "inbox": {**entry(9), "read_at": when},
            "ledger": {"who": {"kind": "verifier", "name": "Desk"}, "purpose": "", "fields": [], "at": when},
            "operator/audit": {"at": when, "actor": "system", "action": "card", "subject": "listing:library"},
        }[list_of]
        numbers = [3] if second else [1, 2]
        answer = {
            "items": [{**item, "id": str(number)} for number in numbers],
            "next": None if second else "more",
            "unread": 0,
        }
        route.fulfill(json=answer)

    page.route(re.compile(rf"/v1/{list_of}(\?|$)"), handle)
    page.goto(demo.base_url + path)
    rows = page.locator("#main .list > li, #entries tbody tr")
    expect(rows).to_have_count(2)
    page.evaluate(
        """() => {
            const more = [...document.querySelectorAll("button")].find((button) => button.textContent === "Show more");
            more.click();
            more.click();
        }"""
    )
    expect(rows).to_have_count(3)
    page.wait_for_timeout(200)
    expect(rows).to_have_count(3)
    assert len([url for url in asked if "cursor=" in url]) == 1


def test_the_app_becomes_live_although_its_first_question_failed(visit: Open, demo: Demo, lin: str) -> None:
    page = visit(BLANK, as_=lin, size=PHONE)
    page.route(
        re.compile(r"/v1/inbox\?limit=1$"), in_turn({"status": 503, "json": {"code": "temporarily_unavailable"}})
    )
    with page.expect_request("**/v1/inbox/stream*", timeout=8000):
        page.goto(demo.base_url + "/cards")


def test_a_notice_that_comes_while_the_inbox_opens_is_in_it(visit: Open, demo: Demo, lin: str) -> None:
    page = visit(BLANK, as_=lin, size=PHONE)
    first, second = {**entry(1), "read_at": None}, {**entry(2), "read_at": None}

    def handle(route: Route) -> None:
        if "limit=1" in route.request.url:  # asked after the page, and the second notice has come between
            route.fulfill(json={"items": [second], "next": "more", "unread": 2})
        else:
            route.fulfill(json={"items": [first], "next": None, "unread": 1})

    def stream(route: Route) -> None:
        from_first = route.request.url.endswith("after=1")
        item = json.dumps(second)
        notice = f"id: 2\nevent: notice\ndata: {item}\n\n"
        route.fulfill(content_type="text/event-stream", body=notice if from_first else ": nothing\n\n")

    page.route(INBOX, handle)
    page.route("**/v1/inbox/stream*", stream)
    page.goto(demo.base_url + "/inbox")
    expect(page.get_by_role("article")).to_have_count(2)
    expect(page.get_by_role("article").first).to_contain_text("Notice 2")
    expect(page.locator("#unread")).to_contain_text("2")


def test_a_mark_that_was_not_kept_is_taken_back(visit: Open, demo: Demo, lin: str) -> None:
    page = visit(BLANK, as_=lin, size=PHONE)
    page.route(
        INBOX, lambda route: route.fulfill(json={"items": [{**entry(1), "read_at": None}], "next": None, "unread": 1})
    )
    page.route("**/v1/inbox/1/read", in_turn({"status": 503, "json": {"code": "temporarily_unavailable"}}))
    page.goto(demo.base_url + "/inbox")
    page.get_by_role("button", name="Mark as read").click()
    expect(page.locator("#main p[role=status]")).not_to_be_empty()
    expect(page.get_by_role("button", name="Mark as read")).to_be_visible()
    expect(page.locator("#unread")).to_contain_text("1")


def test_a_stream_that_is_refused_because_the_session_ended_leads_to_sign_in(visit: Open, demo: Demo, lin: str) -> None:
    page = visit("/cards", as_=lin, size=PHONE)
    expect(page.get_by_role("heading", name="Cards", level=1)).to_be_visible()
    page.context.clear_cookies(name="banyan_session")
    page.evaluate(
        """async () => {
            const app = document.querySelector("script[type=module]").src;
            (await import(app.replace("app.js", "session.js"))).listen();
        }"""
    )
    page.wait_for_url("**/sign-in?next=%2Fcards")


def test_a_service_that_was_suspended_while_the_stream_was_closed_gives_way_when_it_opens(
    visit: Open, demo: Demo, lin: str
) -> None:
    demo.library_card(lin)
    page = visit("/apps/library", as_=lin, size=PHONE)
    expect(page.locator("iframe")).to_be_visible()
    closed = {"code": "miniapp_suspended", "status": 403, "app_id": "library"}
    page.route("**/v1/miniapps/library/launch", lambda route: route.fulfill(status=403, json=closed))
    page.route(
        "**/v1/miniapps/library",
        lambda route: route.fulfill(
            json={"app_id": "library", "name": "Fuzhou Library", "sector": "public", "open": False}
        ),
    )
    page.evaluate(
        """async () => {
            const app = document.querySelector("script[type=module]").src;
            (await import(app.replace("app.js", "session.js"))).listen();
        }"""
    )
    expect(page.locator(".frame__body h2")).to_be_visible()
    expect(page.locator("iframe")).to_have_count(0)


def test_an_address_that_is_not_text_is_answered(visit: Open, demo: Demo, lin: str) -> None:
    page = visit("/cards", as_=lin, size=PHONE)
    page.evaluate("history.replaceState({}, '', '/apps/%E0%A4%A')")
    page.evaluate("history.pushState({}, '', '/cards')")
    page.go_back()
    expect(page.get_by_role("heading", name="Services")).to_be_visible()


def test_every_card_is_in_the_wallet(visit: Open, demo: Demo, lin: str) -> None:
    card = demo.library_card(lin)
    page = visit(BLANK, as_=lin, size=PHONE)
    page.route(
        re.compile(r"/v1/cards(\?|$)"),
        lambda route: route.fulfill(json={"items": [card], "next": None if "cursor=" in route.request.url else "more"}),
    )
    page.goto(demo.base_url + "/cards")
    expect(page.locator("a.wallet-card")).to_have_count(2)


def test_a_refusal_that_comes_after_she_left_the_service_leads_her_nowhere(visit: Open, demo: Demo, lin: str) -> None:
    demo.library_card(lin)
    page = visit("/apps/library", as_=lin, size=PHONE)
    expect(page.locator("iframe")).to_be_visible()
    held: list[Route] = []
    page.route("**/v1/miniapps/library/launch", lambda route: held.append(route))
    with page.expect_request("**/v1/miniapps/library/launch"):
        page.evaluate(
            """async () => {
                const app = document.querySelector("script[type=module]").src;
                const {inbox} = await import(app.replace("app.js", "session.js"));
                inbox.dispatchEvent(new CustomEvent("listing", {detail: {app_id: "library", open: false}}));
            }"""
        )
    page.get_by_role("button", name="Close", exact=True).click()
    expect(page.get_by_role("heading", name="Services")).to_be_visible()
    with page.expect_response("**/v1/miniapps/library/launch"):
        page.evaluate("globalThis.stayed = true")
        held[0].fulfill(status=403, json={"code": "consent_required", "status": 403})
    page.wait_for_timeout(500)
    assert page.evaluate("globalThis.stayed")


def test_a_question_that_is_no_longer_wanted_is_not_asked(visit: Open, lin: str) -> None:
    page = visit(BLANK, as_=lin)
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url) if sent.url.endswith("/v1/me") else None)
    told = page.evaluate(
        """async () => {
            const here = document.querySelector("script[type=module]").src;
            const {get} = await import(here.replace("desk/outbox.js", "js/api.js"));
            return get("/v1/me", {signal: AbortSignal.abort()}).catch((error) => error.name);
        }"""
    )
    assert told == "AbortError"
    assert not asked


def test_a_steady_refresh_goes_on_after_one_failed(visit: Open) -> None:
    page = visit(BLANK)
    turns = page.evaluate(
        """async () => {
            const here = document.querySelector("script[type=module]").src;
            const {every} = await import(here.replace("outbox.js", "live.js"));
            let turns = 0;
            const turn = every(1000, async () => { turns += 1; throw new Error("once"); });
            for (let i = 0; i < 2; i++) await turn().catch(() => {});
            return turns;
        }"""
    )
    assert turns == 2


# ---- the reader


@pytest.fixture
def reader(visit: Open, demo: Demo, lin: str) -> Page:
    """A device that is set up as a reader."""
    page = visit("/reader", before=NO_CAMERA)
    page.get_by_label("Enrolment code").fill(demo.new_code("Desk far away"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Check a card")).to_be_visible()
    return page


def test_a_reader_that_started_without_a_network_begins_when_it_is_back(reader: Page) -> None:
    reader.route("**/v1/verifiers/me", in_turn(lambda route: route.abort()))
    reader.reload()
    expect(reader.get_by_role("heading", name="No network")).to_be_visible()
    reader.evaluate("dispatchEvent(new Event('online'))")
    expect(reader.get_by_role("heading", name="Check a card")).to_be_visible(timeout=2000)
    expect(reader.locator("#network")).to_be_hidden()


def test_a_check_whose_answer_was_lost_is_asked_again_under_the_same_key(demo: Demo, reader: Page) -> None:
    keys: list[str] = []
    reader.on(
        "request",
        lambda sent: keys.append(sent.headers["idempotency-key"]) if sent.url.endswith("/v1/verifications") else None,
    )
    reader.route("**/v1/verifications", in_turn(lost))
    field = reader.get_by_label("Number under the code")
    field.fill(demo.card_code(LIN)["spoken"])
    field.press("Enter")
    expect(reader.get_by_role("heading", name="Not checked")).to_be_visible()
    reader.get_by_role("button", name="Try again").click()
    expect(reader.get_by_role("heading", name="Accepted")).to_be_visible()
    reader.keyboard.press("Escape")
    field.fill(demo.card_code(LIN)["spoken"])
    field.press("Enter")
    expect(reader.get_by_role("heading", name="Accepted")).to_be_visible()
    assert keys[0] == keys[1] != keys[2]


def test_a_scan_view_that_was_put_away_hears_nothing_more(reader: Page) -> None:
    focused = reader.evaluate(
        """async () => {
            const here = document.querySelector("script[type=module]").src;
            const {ScanView} = await import(here.replace("reader.js", "scan.js"));
            const view = new ScanView({found() {}, refused() {}, online: () => true});
            view.close();
            document.querySelector("main").replaceChildren(view.element);
            document.body.dispatchEvent(new KeyboardEvent("keydown", {key: "1", bubbles: true}));
            return document.activeElement === view.input;
        }"""
    )
    assert not focused

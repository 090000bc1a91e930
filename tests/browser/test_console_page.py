"""An operator at the console: she sees how the city's mini-apps are doing, and decides with a reason."""

import re
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Open
from tests.browser.demo import OPERATOR, RESIDENT, Demo
from tests.browser.looks import faults_of

pytestmark = pytest.mark.browser


def console(visit: Open, where: str = "/console", **options: object) -> Page:
    page = visit(where, as_=OPERATOR, **options)
    expect(page.locator("#listings, #entries, #readers")).not_to_have_attribute("aria-busy", "true")
    return page


def listing_state(demo: Demo) -> str:
    with demo.client(OPERATOR) as operator:
        return str(operator.get("/v1/operator/listings/library").json()["state"])


def test_a_stranger_signs_in_first_and_comes_back_to_where_she_wanted_to_be(visit: Open) -> None:
    page = visit("/console?state=suspended")
    assert page.url.endswith("/sign-in?next=%2Fconsole%3Fstate%3Dsuspended")


def test_a_resident_gets_a_kind_page_instead_of_the_desk(visit: Open) -> None:
    for path in ("/console", "/console/readers", "/console/audit", "/portal", "/portal/check"):
        page = visit(path, as_=RESIDENT, size=PHONE)
        expect(page.get_by_role("heading", name="This desk is not for your account")).to_be_visible()
        expect(page.get_by_role("link", name="Go to Home")).to_be_visible()
        assert not faults_of(page)


def test_the_operator_sees_the_library_with_its_calls_and_they_grow_by_themselves(visit: Open, demo: Demo) -> None:
    demo.library_card()
    page = console(visit)
    row = page.get_by_role("row", name=re.compile("Fuzhou Library"))
    expect(row).to_contain_text("Online")
    expect(row.locator(".calls")).not_to_have_text("0", timeout=20_000)
    expect(row.get_by_role("img")).to_have_attribute("aria-label", re.compile(r"^Calls in the last hour: \d+"))
    assert not faults_of(page)


def test_she_suspends_the_library_with_a_reason_and_opens_it_again(visit: Open, demo: Demo) -> None:
    page = console(visit)
    page.get_by_role("link", name="Fuzhou Library").click()
    page.get_by_role("button", name="Suspend this service").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Suspend Fuzhou Library?")
    expect(dialog).to_contain_text("Its cards stay in residents' wallets: Library card.")
    assert not faults_of(page)
    dialog.get_by_role("button", name="Leave it open").click()
    assert listing_state(demo) == "online"

    page.get_by_role("button", name="Suspend this service").click()
    dialog.get_by_role("button", name="Suspend Fuzhou Library").click()
    expect(dialog).to_be_visible()  # not without a reason
    dialog.get_by_label(re.compile("^Reason")).fill("The catalogue shows wrong due dates")
    dialog.get_by_role("button", name="Suspend Fuzhou Library").click()
    try:
        expect(page.locator("#detail")).to_contain_text("Reason: The catalogue shows wrong due dates")
        expect(page.locator(".history li").first).to_contain_text("Suspended")
        assert listing_state(demo) == "suspended"
        assert not faults_of(page)
    finally:
        page.get_by_role("button", name="Lift the suspension").click()
        dialog.get_by_label(re.compile("^Reason")).fill("The dates are right again")
        dialog.get_by_role("button", name="Lift the suspension").click()
        expect(page.locator("#detail .mark", has_text="Online")).to_be_visible()
    assert listing_state(demo) == "online"

    page.goto(demo.base_url + "/console/audit?action=listing.suspended")
    expect(page.locator("#entries tbody tr").first).to_contain_text("The catalogue shows wrong due dates")
    expect(page.get_by_label("Action")).to_have_value("listing.suspended")


def test_a_decision_on_what_somebody_else_changed_is_asked_again(visit: Open, demo: Demo) -> None:
    page = console(visit, "/console?app=library")
    page.get_by_role("button", name="Pause live numbers").click()
    expect(page.get_by_role("button", name="Suspend this service")).to_be_visible()
    with demo.client(OPERATOR) as colleague:
        for decision in ("suspension", "lift"):
            done = colleague.post(f"/v1/operator/listings/library/{decision}", json={"reason": "a colleague's test"})
            assert done.status_code == 200, done.text
    page.get_by_role("button", name="Suspend this service").click()
    page.get_by_role("dialog").get_by_label(re.compile("^Reason")).fill("Too late")
    page.get_by_role("dialog").get_by_role("button", name="Suspend Fuzhou Library").click()
    expect(page.get_by_text("Somebody else changed this listing in the meantime.")).to_be_visible()
    assert listing_state(demo) == "online"


def test_she_works_by_keyboard_alone(visit: Open) -> None:
    page = console(visit)
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile(r"\?app=library$"))
    expect(page.get_by_role("heading", name="Fuzhou Library", level=2)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(r"/console$"))
    page.keyboard.press("/")
    expect(page.get_by_label("Find by name or id")).to_be_focused()
    page.keyboard.type("jkj")
    expect(page).to_have_url(re.compile(r"\?q=jkj$"))
    page.locator("h1").click()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    assert not faults_of(page)
    page.get_by_label("Use these keys").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_address_keeps_the_filters_and_the_order(visit: Open) -> None:
    page = console(visit)
    page.get_by_label("State").select_option("suspended")
    expect(page.get_by_text("No listing matches these filters")).to_be_visible()
    page.reload()
    expect(page.get_by_label("State")).to_have_value("suspended")
    page.get_by_role("link", name="Show all listings").click()
    page.get_by_role("link", name="Calls").click()
    expect(page).to_have_url(re.compile(r"sort=-calls"))
    expect(page.get_by_role("columnheader", name="Calls")).to_have_attribute("aria-sort", "descending")
    page.reload()
    expect(page.get_by_role("columnheader", name="Calls")).to_have_attribute("aria-sort", "descending")


def test_the_table_goes_to_a_spreadsheet(visit: Open, tmp_path: Path) -> None:
    page = console(visit)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export as CSV").click()
    download.value.save_as(tmp_path / "listings.csv")
    head, row, *_ = (tmp_path / "listings.csv").read_text("utf-8-sig").splitlines()
    assert head.startswith("app_id,name,sector,sponsor,state,calls,errors,p95_ms")
    assert row.startswith("library,Fuzhou Library,public,")


def test_a_name_that_a_spreadsheet_would_run_is_only_text(visit: Open, tmp_path: Path) -> None:
    page = console(visit)
    with page.expect_download() as download:
        page.evaluate(
            """async () => {
                const {exportCsv} = await import(
                    document.querySelector("script[type=module]").src.replace("listings.js", "listing-table.js"));
                exportCsv([{app_id: "x", name: '=HYPERLINK("http://evil")', calls: 3}]);
            }"""
        )
    download.value.save_as(tmp_path / "listings.csv")
    assert """x,"'=HYPERLINK(""http://evil"")",""" in (tmp_path / "listings.csv").read_text("utf-8-sig")


def test_numbers_stand_still_while_they_are_paused(visit: Open) -> None:
    page = console(visit)
    page.get_by_role("button", name="Pause live numbers").click()
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url))
    page.wait_for_timeout(6500)
    assert not asked
    page.get_by_role("button", name="Resume live numbers").click()
    page.wait_for_timeout(500)
    assert asked


def test_a_new_reader_shows_its_code_once_and_the_panel_leaves_when_it_is_used(visit: Open, demo: Demo) -> None:
    page = console(visit, "/console/readers", size=PHONE)
    page.get_by_role("button", name="Add a reader").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("Branch desk")
    dialog.get_by_label("Place", exact=True).fill("Cangshan branch")
    expect(dialog.get_by_label(re.compile("^Desk: sees "))).to_be_checked()
    expect(dialog.get_by_label("Gate: sees only whether the card is good")).to_be_visible()
    assert not faults_of(page)
    dialog.get_by_role("button", name="Add it and show the code").click()
    code = page.locator("#enrolment-code").inner_text()
    assert not faults_of(page)
    page.get_by_role("button", name="Copy the code").click()
    assert page.evaluate("navigator.clipboard.readText()") == code
    with httpx2.Client(base_url=demo.base_url) as device:
        assert device.post("/v1/verifiers/enrolments", json={"code": code}).status_code == 201
    expect(page.locator("#enrolment-code")).to_have_count(0, timeout=10_000)
    row = page.get_by_role("row", name=re.compile("Branch desk"))
    expect(row).to_contain_text("Enrolled")
    row.get_by_role("button", name="Remove Branch desk").click()
    expect(dialog).to_contain_text("The device at Cangshan branch can no longer check cards")
    dialog.get_by_role("button", name="Remove this reader").click()
    expect(row).to_have_count(0)


def test_the_code_for_a_replaced_device_stays_until_that_device_is_set_up(visit: Open, demo: Demo) -> None:
    with httpx2.Client(base_url=demo.base_url) as device:
        assert device.post("/v1/verifiers/enrolments", json={"code": demo.new_code("Old desk")}).status_code == 201
    page = console(visit, "/console/readers")
    page.get_by_role("button", name="New code for Old desk").click()
    page.get_by_role("dialog").get_by_role("button", name="Show a new code").click()
    code = page.locator("#enrolment-code").inner_text()
    demo.new_code("Another desk")
    expect(page.get_by_role("row", name=re.compile("Another desk"))).to_be_visible(timeout=10_000)
    expect(page.locator("#enrolment-code")).to_have_text(code)
    with httpx2.Client(base_url=demo.base_url) as device:
        assert device.post("/v1/verifiers/enrolments", json={"code": code}).status_code == 201
    expect(page.locator("#enrolment-code")).to_have_count(0, timeout=10_000)


def test_since_when_a_reader_waits_is_told_anew_as_time_goes_by(visit: Open, demo: Demo) -> None:
    page = visit("/demo/outbox", as_=OPERATOR)
    page.clock.install()
    demo.new_code("Waiting desk")
    page.goto(demo.base_url + "/console/readers")
    row = page.get_by_role("row", name=re.compile("Waiting desk"))
    expect(row).to_contain_text("just now")
    page.clock.run_for(90_000)
    expect(row).to_contain_text("minute")

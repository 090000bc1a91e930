"""Two people with their phones: one lets the other act for her, he does, and both see it. Forms alone carry it."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app_server.identity.acting.rules import CITY_TIME
from tests.browser.conftest import DESK, PHONE, Open
from tests.browser.demo import Demo
from tests.browser.looks import faults_of
from tests.browser.test_resident_look import prefer

pytestmark = pytest.mark.browser

GRAN, SON = "+8613800000031", "+8613800000032"
LOOKS: dict[str, dict[str, Any]] = {
    "phone": {"size": PHONE},
    "dark phone in Chinese": {"size": PHONE, "theme": "dark", "locale": "zh-CN"},
    "elder phone in Chinese": {"size": PHONE, "locale": "zh-CN", "elder": True},
    "desk": {"size": DESK},
}


def today() -> date:
    """The city's day."""
    return datetime.now(CITY_TIME).date()


def in_force(demo: Demo, principal: str, agent: str, **terms: Any) -> str:
    """The id of a mandate that both have accepted."""
    asked = {"kind": "caregiver", "you_are": "principal", "reach": "act"}
    asked["until"] = (today() + timedelta(days=30)).isoformat()
    with demo.client(principal) as gran, demo.client(agent) as son:
        gran.patch("/v1/me", json={"name": "林秀英"})
        son.patch("/v1/me", json={"name": "林小明"})
        made = gran.post("/v1/mandates", json=asked | terms)
        assert made.status_code == 201, made.text
        mandate_id, code = str(made.json()["mandate"]["id"]), made.json()["code"]
        assert son.post(f"/v1/mandates/{mandate_id}/accept", json={"code": code}).status_code == 200
        assert gran.post(f"/v1/mandates/{mandate_id}/accept", json={}).json()["state"] == "active"
    return mandate_id


def without_script(visit: Open, path: str, phone: str) -> Page:
    return visit(path, as_=phone, size=PHONE, java_script_enabled=False)


def test_an_invitation_goes_from_hand_to_hand_without_javascript(visit: Open, demo: Demo) -> None:
    for phone, name in ((GRAN, "林秀英"), (SON, "林小明")):
        prefer(demo, phone, {})
        with demo.client(phone) as person:
            person.patch("/v1/me", json={"name": name})
    gran, son = without_script(visit, "/mandates", GRAN), without_script(visit, "/mandates", SON)
    gran.get_by_label("Somebody shall act for me").check()
    gran.get_by_label("Caregiver").check()
    gran.get_by_label("Everything, also in all services").check()
    gran.get_by_label("Last day").fill((today() + timedelta(days=30)).isoformat())
    gran.get_by_role("button", name="Offer it").click()
    expect(gran.get_by_alt_text("QR code of the invitation")).to_be_visible()
    code = gran.locator(".invitation__code").inner_text()
    son.get_by_label("Code of the invitation").fill(code.lower())
    son.get_by_role("button", name="Look at it").click()
    expect(son.get_by_role("heading", level=1)).to_have_text("You would act for 林秀英")
    son.get_by_role("button", name="Accept").click()
    expect(son.get_by_text("Waits for the other side")).to_be_visible()
    gran.goto(demo.base_url + "/mandates")
    gran.get_by_role("link", name="See details: 林小明 would act for you").first.click()
    gran.get_by_role("button", name="Yes, that is who I mean").click()
    expect(gran.get_by_role("heading", level=1)).to_have_text("林小明 acts for you")
    son.reload()
    son.get_by_role("button", name="Act for 林秀英").click()
    expect(son.get_by_text("You act for 林秀英")).to_be_visible()
    son.get_by_role("button", name="Back to myself").click()
    expect(son.get_by_text("You act for 林秀英")).to_have_count(0)


def test_he_sees_her_cards_under_a_bar_that_says_whose_they_are(visit: Open, demo: Demo) -> None:
    demo.library_card(GRAN)
    mandate_id = in_force(demo, GRAN, SON)
    page = visit(f"/mandates/{mandate_id}", as_=SON, size=PHONE)
    page.get_by_role("button", name="Act for 林秀英").click()
    expect(page.locator("#acting")).to_contain_text("You act for 林秀英")
    page.goto(demo.base_url + "/cards")
    expect(page.get_by_role("link", name="Library card")).to_be_visible()
    page.get_by_role("button", name="Back to myself").click()
    expect(page.locator("#acting")).to_have_count(0)
    page.goto(demo.base_url + f"/mandates/{mandate_id}")
    expect(page.locator("main")).to_contain_text("Cards")


@pytest.mark.parametrize("look", LOOKS)
def test_the_pages_are_whole_and_clean(visit: Open, demo: Demo, look: str) -> None:
    mandate_id = in_force(demo, GRAN, SON, reach="look")
    prefer(demo, SON, LOOKS[look])
    page, faults = visit("/mandates", as_=SON, **LOOKS[look]), {}
    for path in ("/mandates", f"/mandates/{mandate_id}"):
        page.goto(demo.base_url + path)
        faults[path] = faults_of(page)
    page.locator("button.button--primary[name=mandate_id]").first.click()
    for path in ("/", "/cards", "/me"):
        page.goto(demo.base_url + path)
        expect(page.locator(".skeleton")).to_have_count(0)
        faults[path] = faults_of(page)
    assert {path: found for path, found in faults.items() if found} == {}

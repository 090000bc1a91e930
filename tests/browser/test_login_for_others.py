"""A resident signs in to a clinic's own program with the city's login, on her phone."""

import re
from collections.abc import Iterator
from itertools import count

import pytest
from playwright.sync_api import Page, expect

from tests.authorization.relying_parties import CLINIC
from tests.browser.clinic import Clinic, open_clinic
from tests.browser.conftest import DESK, PHONE, Open
from tests.browser.demo import PROVIDER, RESIDENT, Demo
from tests.browser.looks import faults_of

pytestmark = pytest.mark.browser

numbers = (f"+86138001111{each:02}" for each in count(1))
LOOKS: dict[str, dict[str, object]] = {
    "phone": {"size": PHONE},
    "dark phone in Chinese, elder": {"size": PHONE, "theme": "dark", "locale": "zh-CN", "elder": True},
    "dark desk": {"size": DESK, "theme": "dark"},
    "desk in Chinese": {"size": DESK, "locale": "zh-CN"},
}


@pytest.fixture
def clinic(demo: Demo) -> Iterator[Clinic]:
    """The clinic's program, registered by its provider for this test."""
    with open_clinic(demo.base_url) as opened, demo.client(PROVIDER) as provider:
        made = provider.post("/v1/provider/clients", json={**CLINIC, "redirect_uris": [opened.back]})
        assert made.status_code == 201, made.text
        opened.client_id = made.json()["client_id"]
        yield opened
        provider.delete(f"/v1/provider/clients/{opened.client_id}")


def goes_to_clinic(page: Page, clinic: Clinic) -> None:
    page.goto(clinic.home)
    page.get_by_role("link", name="Sign in with the city").click()


def signs_in(page: Page, demo: Demo, phone: str) -> None:
    page.get_by_label("Mobile number").fill(phone)
    page.get_by_role("button", name="Send code").click()
    page.get_by_label("Six-digit code").fill(demo.code_sent_to(phone))
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize("mode", ["query", "form_post"])
def test_she_signs_in_decides_and_is_back_at_the_clinic(visit: Open, demo: Demo, clinic: Clinic, mode: str) -> None:
    clinic.asked = {"response_mode": mode}
    number, page = next(numbers), visit("/sign-out", size=PHONE)
    goes_to_clinic(page, clinic)
    signs_in(page, demo, number)
    expect(page.get_by_role("heading", level=1)).to_have_text("Fuzhou Clinic wants to know that it is you")
    page.get_by_role("button", name="Allow and go on").click()
    page.wait_for_url(f"{clinic.home}**")
    expect(page.get_by_text(f"Welcome, {number}")).to_be_visible()

    # the next time nobody asks her anything
    goes_to_clinic(page, clinic)
    page.wait_for_url(f"{clinic.home}?**")
    expect(page.get_by_text(f"Welcome, {number}")).to_be_visible()


def test_she_keeps_her_number_to_herself(visit: Open, demo: Demo, clinic: Clinic) -> None:
    page = visit("/sign-out", size=PHONE)
    goes_to_clinic(page, clinic)
    signs_in(page, demo, next(numbers))
    page.get_by_role("checkbox", name=re.compile("number")).uncheck()
    page.get_by_role("button", name="Allow and go on").click()
    expect(page.get_by_text("Welcome, stranger")).to_be_visible()


def test_she_says_no_and_the_clinic_hears_it(visit: Open, demo: Demo, clinic: Clinic) -> None:
    page = visit("/sign-out", size=PHONE)
    goes_to_clinic(page, clinic)
    signs_in(page, demo, next(numbers))
    page.get_by_role("button", name="Not now").click()
    expect(page.get_by_text("Nobody signed in: access_denied")).to_be_visible()


def test_without_javascript_a_button_takes_her_back(visit: Open, demo: Demo, clinic: Clinic) -> None:
    clinic.asked = {"response_mode": "form_post"}
    page = visit("/sign-out", size=PHONE, java_script_enabled=False)
    goes_to_clinic(page, clinic)
    number = next(numbers)
    signs_in(page, demo, number)
    page.get_by_role("button", name="Allow and go on").click()
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text(f"Welcome, {number}")).to_be_visible()


@pytest.mark.parametrize("look", LOOKS)
def test_the_question_and_the_way_back_are_whole_and_clean(
    visit: Open, demo: Demo, clinic: Clinic, look: str, request: pytest.FixtureRequest
) -> None:
    clinic.asked = {"response_mode": "form_post", "prompt": "consent"}
    page = visit("/sign-out", as_=RESIDENT, **LOOKS[look])
    goes_to_clinic(page, clinic)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert not faults_of(page)
    page.route("**/onward.js", lambda route: route.abort())  # the page would be gone before it is looked at
    page.locator("button[value=allow]").click()
    expect(page.locator("#onward")).to_be_visible()
    assert not faults_of(page)


def test_a_program_that_lives_in_a_page_asks_from_its_own_origin(visit: Open, demo: Demo, clinic: Clinic) -> None:
    page = visit("/sign-out", size=PHONE)
    page.goto(clinic.home)
    told = page.evaluate(
        """async (city) => {
            const metadata = await (await fetch(`${city}/.well-known/openid-configuration`)).json();
            const keys = await (await fetch(metadata.jwks_uri)).json();
            const form = new URLSearchParams({ grant_type: "authorization_code", client_id: "x", code: "y" });
            const asked = { method: "POST", body: form, headers: { dpop: "a.b.c" } };
            const refused = await fetch(metadata.token_endpoint, asked);
            const nobody = await fetch(metadata.userinfo_endpoint, { headers: { authorization: "Bearer x" } });
            const hidden = await fetch(`${city}/v1/me`).then(() => "seen", () => "hidden");
            return [keys.keys.length, (await refused.json()).error, nobody.status, hidden];
        }""",
        demo.base_url,
    )
    assert told[0] >= 1
    assert told[1:] == ["invalid_dpop_proof", 401, "hidden"]

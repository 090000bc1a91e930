"""A provider at the portal registers a program that signs residents in, tries it, and reads what went wrong."""

import json
from collections.abc import Iterator

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.authorization.relying_parties import CLINIC
from tests.browser.conftest import DESK, PHONE, Open
from tests.browser.demo import OPERATOR, PROVIDER, Demo
from tests.browser.looks import faults_of
from tests.browser.test_login_for_others import LOOKS

pytestmark = pytest.mark.browser

KEY = {"kty": "OKP", "crv": "Ed25519", "kid": "2026", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
BACK = "https://clinic.example/back"


@pytest.fixture(autouse=True)
def no_clients(demo: Demo) -> Iterator[None]:
    """Each test begins and ends without a client."""

    def clear() -> None:
        with demo.client(PROVIDER) as provider:
            for client in provider.get("/v1/provider/clients").json()["items"]:
                provider.delete(f"/v1/provider/clients/{client['client_id']}")

    clear()
    yield
    clear()


def registered(demo: Demo) -> str:
    with demo.client(PROVIDER) as provider:
        made = provider.post("/v1/provider/clients", json=CLINIC)
    assert made.status_code == 201, made.text
    return str(made.json()["client_id"])


def wrong_requests(demo: Demo, client_id: str) -> None:
    """A request without PKCE, and a code that nobody gave out."""
    asked = {"client_id": client_id, "redirect_uri": BACK, "response_type": "code", "scope": "openid"}
    httpx2.get(f"{demo.base_url}/authorize", params=asked)
    form = {**asked, "grant_type": "authorization_code", "code": "x", "code_verifier": "v" * 43}
    httpx2.post(f"{demo.base_url}/oauth/token", data=form)


def fill_in(page: Page) -> None:
    page.get_by_label("Name in Chinese").fill("福州诊所")
    page.get_by_label("Name in English").fill("Fuzhou Clinic")
    page.get_by_label("Redirect URIs").fill(f"{BACK}\nhttps://clinic.example/second")
    page.get_by_label("Public keys (JWKS)").fill(json.dumps({"keys": [KEY]}))
    page.get_by_label("See your mobile number").check()
    for label in ("Purpose", "Legal basis", "Kept for"):
        page.get_by_role("textbox", name=f"{label} in Chinese").fill("为您服务")
        page.get_by_role("textbox", name=f"{label} in English").fill("to serve you")


def test_a_provider_registers_changes_and_removes_a_client(visit: Open) -> None:
    page = visit("/portal/clients", as_=PROVIDER)
    expect(page.get_by_role("heading", name="No client yet")).to_be_visible()
    page.get_by_role("button", name="Register a client").click()
    fill_in(page)
    page.get_by_role("button", name="Register it").click()
    expect(page.get_by_role("heading", name="Fuzhou Clinic", level=2)).to_be_focused()
    expect(page.locator("#client-id")).to_have_text(page.url.partition("client=")[2])
    expect(page.locator("#detail")).to_contain_text("See your mobile number")
    expect(page.get_by_role("link", name="Try a login that goes back to")).to_have_count(2)

    page.get_by_role("button", name="Change").click()
    page.get_by_label("Name in English").fill("Clinic by the river")
    page.get_by_label("Only tokens that are bound to its key").check()
    page.get_by_role("button", name="Save the changes").click()
    expect(page.get_by_role("heading", name="Clinic by the river", level=2)).to_be_visible()
    expect(page.locator("#clients")).to_contain_text("Clinic by the river")
    expect(page.locator("#detail")).to_contain_text("Bound to its key (DPoP), and no others")

    page.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove this client").click()
    expect(page.get_by_role("heading", name="No client yet")).to_be_visible()
    audit = visit("/console/audit", as_=OPERATOR)
    for words in ("Client registered", "Client changed", "Client removed"):
        expect(audit.get_by_role("cell", name=words).first).to_be_visible()


def test_a_client_of_screens_needs_no_redirect_uri(visit: Open) -> None:
    page = visit("/portal/clients", as_=PROVIDER)
    page.get_by_role("button", name="Register a client").click()
    page.get_by_label("Name in Chinese").fill("福州诊所屏幕")
    page.get_by_label("Name in English").fill("Clinic screens")
    page.get_by_label("Without a key").check()
    page.get_by_label("Screens may ask a resident's phone").check()
    page.get_by_role("button", name="Register it").click()
    expect(page.get_by_text("may ask a resident's phone")).to_be_visible()
    expect(page.get_by_text("None: only screens ask for this client.")).to_be_visible()
    page.get_by_role("button", name="Change").click()
    expect(page.get_by_label("Screens may ask a resident's phone")).to_be_checked()
    assert not faults_of(page)


def test_every_mistake_stands_at_its_field(visit: Open) -> None:
    page = visit("/portal/clients", as_=PROVIDER, size=PHONE)
    page.get_by_role("button", name="Register a client").click()
    fill_in(page)
    page.get_by_label("Redirect URIs").fill(f"{BACK}\nhttp://clinic.example/")
    page.get_by_role("textbox", name="Purpose in English").fill("")
    page.get_by_label("Public keys (JWKS)").fill("{")
    page.get_by_role("button", name="Register it").click()
    keys = page.get_by_label("Public keys (JWKS)")
    expect(keys).to_be_focused()
    expect(page.locator("#client-public_keys-error")).to_contain_text("This is not JSON:")
    keys.fill(json.dumps(KEY | {"d": "secret"}))
    page.get_by_role("button", name="Register it").click()
    expect(page.get_by_role("textbox", name="Purpose in English")).to_have_attribute("aria-invalid", "true")
    page.get_by_role("textbox", name="Purpose in English").fill("to serve you")
    page.get_by_role("button", name="Register it").click()
    expect(page.get_by_label("Redirect URIs")).to_be_focused()
    expect(page.locator("#client-redirect_uris-error")).to_contain_text("Line 2: Use https")
    expect(page.locator("#client-public_keys-error")).to_contain_text("a private key")
    assert not faults_of(page)


def test_a_change_of_somebody_elses_is_not_written_over(visit: Open, demo: Demo) -> None:
    client_id = registered(demo)
    page = visit(f"/portal/clients?client={client_id}", as_=PROVIDER)
    page.get_by_role("button", name="Change").click()
    with demo.client(PROVIDER) as colleague:
        assert colleague.put(f"/v1/provider/clients/{client_id}", json=CLINIC).status_code == 200
    page.get_by_role("button", name="Save the changes").click()
    expect(page.locator("#detail .banner")).to_contain_text("Somebody else changed this client")


def test_a_provider_tries_a_login_and_sees_what_residents_see(visit: Open, demo: Demo) -> None:
    page = visit(f"/portal/clients?client={registered(demo)}", as_=PROVIDER)
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Try a login").click()
    expect(opened.value.get_by_role("heading", level=1)).to_have_text("Fuzhou Clinic wants to know that it is you")


@pytest.mark.parametrize("look", LOOKS)
def test_a_client_and_what_went_wrong_with_it_are_whole_and_clean(visit: Open, demo: Demo, look: str) -> None:
    client_id = registered(demo)
    page = visit(f"/portal/clients?client={client_id}", as_=PROVIDER, **LOOKS[look])
    expect(page.locator("#errors-title ~ .stack .empty")).to_be_visible()
    wrong_requests(demo, client_id)
    expect(page.locator(".finding")).to_have_count(2, timeout=15_000)  # it comes by itself
    expect(page.locator(".finding").last).to_contain_text("code_challenge is missing")
    assert not faults_of(page)
    page.locator("#detail .button-row .button").first.click()
    expect(page.locator("#detail form")).to_be_visible()
    assert not faults_of(page)


def test_nothing_is_lost_at_twice_the_text_size_on_the_smallest_phone(visit: Open, demo: Demo) -> None:
    page = visit(f"/portal/clients?client={registered(demo)}", as_=PROVIDER, size=(320, 640))
    expect(page.locator("#errors-title")).to_be_visible()
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert not faults_of(page)
    page.get_by_role("button", name="Change").click()
    assert not faults_of(page)


def test_a_desk_shows_the_list_beside_the_client(visit: Open, demo: Demo) -> None:
    client_id = registered(demo)
    page = visit("/portal/clients", as_=PROVIDER, size=DESK)
    expect(page.get_by_role("heading", name="Choose a client")).to_be_visible()
    page.get_by_role("link", name=client_id).click()
    expect(page.get_by_role("link", name=client_id)).to_have_attribute("aria-current", "true")
    page.go_back()
    expect(page.get_by_role("heading", name="Choose a client")).to_be_visible()

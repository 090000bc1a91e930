"""A resident with passkeys, in a browser whose authenticators are Chromium's own virtual ones."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx2
import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.browser.conftest import PHONE, Open
from tests.browser.demo import Demo
from tests.browser.test_resident_look import prefer

pytestmark = pytest.mark.browser

Json = dict[str, Any]
NUMBERS = iter(f"+86138000003{n:02}" for n in range(1, 100))
NOT_ACCEPTED = "That passkey was not accepted."
SIGN = """async ({options, userVerification}) => {
  try {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON({...options, userVerification});
    return (await navigator.credentials.get({publicKey})).toJSON();
  } catch (error) { return {refused: error.name}; }
}"""


class Device:
    """An authenticator of a page: the phone itself, or a key that is plugged in."""

    def __init__(self, page: Page, **options: Any) -> None:
        self.cdp: CDPSession = page.context.new_cdp_session(page)
        self.cdp.send("WebAuthn.enable")
        self.id = self.add(**options)

    def add(self, **options: Any) -> str:
        """Another authenticator; its id."""
        usual = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
        usual |= {"isUserVerified": True, "automaticPresenceSimulation": True}
        added = self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": usual | options})
        return str(added["authenticatorId"])

    def remove(self) -> None:
        """Unplug it."""
        self.cdp.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": self.id})

    def touched(self, touched: bool) -> None:
        """Whether somebody touches it whenever it asks."""
        self.cdp.send("WebAuthn.setAutomaticPresenceSimulation", {"authenticatorId": self.id, "enabled": touched})

    def knows_its_owner(self, knows: bool) -> None:
        """Whether the finger is the right one."""
        self.cdp.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": knows})

    def passkeys(self) -> list[Json]:
        """What it holds, private keys and all."""
        return list(self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.id})["credentials"])

    def holds(self, passkey: Json) -> None:
        """Put a passkey into it, as a thief who copies one does."""
        self.cdp.send("WebAuthn.addCredential", {"authenticatorId": self.id, "credential": passkey})

    def forgets(self) -> None:
        """Everything."""
        self.cdp.send("WebAuthn.clearCredentials", {"authenticatorId": self.id})


@pytest.fixture
def lin(demo: Demo) -> str:
    """A resident of this test alone, who reads English."""
    phone = next(NUMBERS)
    prefer(demo, phone, {})
    return phone


def add_passkey(page: Page) -> None:
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("The passkey is added.")).to_be_visible()


@pytest.fixture
def page(visit: Open, lin: str) -> Page:
    """Her page of sessions and devices."""
    return visit("/me/sessions", as_=lin, size=PHONE)


@pytest.fixture
def phone(page: Page) -> Device:
    """The phone that the page is on, with a passkey of hers."""
    device = Device(page)
    add_passkey(page)
    return device


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """A page of another program on the same host."""

    class Blank(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return None

    with ThreadingHTTPServer(("localhost", 0), Blank) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()


def at_the_door(page: Page, demo: Demo, target: str = "/me", *, offered: bool = True) -> None:
    """Signed out, before the sign-in page. A device that is touched takes what is `offered` in the field at once."""
    if not offered:
        page.add_init_script("PublicKeyCredential.isConditionalMediationAvailable = async () => false")
    page.context.clear_cookies(name="banyan_session")
    page.goto(f"{demo.base_url}/sign-in?next={target}&lang=en")


def question(demo: Demo) -> Json:
    with httpx2.Client(base_url=demo.base_url) as client:
        return dict(client.post("/v1/sign-in/passkeys/challenges").json())


def answered(demo: Demo, asked: Json, credential: Json) -> tuple[int, str | None]:
    """Status, and code of a refusal."""
    with httpx2.Client(base_url=demo.base_url) as client:
        body = {"challenge_id": asked["challenge_id"], "credential": credential}
        answer = client.post("/v1/sign-in/passkeys/sessions", json=body)
    return answer.status_code, answer.json().get("code")


def signature(page: Page, asked: Json, verification: str = "required") -> Json:
    """What the browser answers on this very page."""
    return dict(page.evaluate(SIGN, {"options": asked["public_key"], "userVerification": verification}))


REFUSED, OVER = (400, "passkey_not_accepted"), (400, "passkey_challenge_over")


def test_she_adds_a_passkey_and_the_sign_in_page_offers_it_by_itself(page: Page, phone: Device, demo: Demo) -> None:
    (kept,) = phone.passkeys()
    assert kept["isResidentCredential"] and kept["rpId"] == "localhost" and kept["userName"].startswith("138****03")
    at_the_door(page, demo)
    page.wait_for_url(demo.base_url + "/me")
    page.goto(demo.base_url + "/me/sessions")
    here = page.get_by_role("listitem").filter(has_text="This device")
    expect(here).to_contain_text("Signed in with a passkey")
    expect(page.get_by_role("region", name="Passkeys").get_by_role("listitem")).to_contain_text("Last used just now")


def test_she_signs_in_by_the_button_and_comes_where_she_wanted(page: Page, phone: Device, demo: Demo) -> None:
    at_the_door(page, demo, "/cards", offered=False)
    expect(page.get_by_label("Mobile number")).to_have_attribute("autocomplete", "tel webauthn")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(demo.base_url + "/cards")


def test_the_wrong_finger_opens_nothing(page: Page, phone: Device, demo: Demo) -> None:
    phone.knows_its_owner(False)
    at_the_door(page, demo, offered=False)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert").filter(has_text="No passkey was used.")).to_be_visible()
    asked = question(demo)
    unverified = signature(page, asked, "discouraged")
    assert "refused" not in unverified, "a page can have such a signature made …"
    assert answered(demo, asked, unverified) == REFUSED, "… and it is worth nothing here"
    phone.knows_its_owner(True)
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(demo.base_url + "/me")


def test_a_passkey_is_not_made_without_knowing_the_owner(page: Page) -> None:
    Device(page, hasUserVerification=False, isUserVerified=False)
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("No passkey was made.")).to_be_visible()
    expect(page.get_by_role("heading", name="No passkeys yet")).to_be_visible()


def test_a_key_that_cannot_keep_passkeys_makes_none(page: Page) -> None:
    Device(page, transport="usb", hasResidentKey=False)
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("No passkey was made.")).to_be_visible()


def test_a_device_that_has_one_makes_no_second(page: Page, phone: Device) -> None:
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("This device has a passkey of yours already.")).to_be_visible()
    assert len(phone.passkeys()) == 1


def test_another_program_on_our_host_gets_a_signature_that_is_worth_nothing(
    page: Page, phone: Device, demo: Demo, elsewhere: str
) -> None:
    page.goto(elsewhere)
    asked = question(demo)
    stolen = signature(page, asked)
    assert "refused" not in stolen, "passkeys are bound to the host, so the browser lets another port of it ask …"
    assert answered(demo, asked, stolen) == REFUSED, "… and the origin tells it apart"


def test_a_mini_apps_page_cannot_ask_for_it_at_all(page: Page, phone: Device, demo: Demo) -> None:
    page.goto(demo.base_url.replace("localhost", "library.localhost") + "/nowhere")
    assert signature(page, question(demo)) == {"refused": "SecurityError"}


def test_a_mini_app_in_its_frame_cannot_ask_for_it(visit: Open, demo: Demo, lin: str) -> None:
    demo.library_card(lin)
    page = visit("/apps/library", as_=lin, size=PHONE)
    Device(page)
    frame = page.frame_locator("iframe").locator("body")
    frame.wait_for()
    inside = next(each for each in page.frames if "library.localhost" in each.url)
    refused = inside.evaluate(SIGN, {"options": question(demo)["public_key"], "userVerification": "required"})
    assert refused == {"refused": "NotAllowedError"}


def test_a_signature_is_good_once(page: Page, phone: Device, demo: Demo) -> None:
    with page.expect_request("**/v1/sign-in/passkeys/sessions") as sent:
        at_the_door(page, demo)
    page.wait_for_url(demo.base_url + "/me")
    body = json.loads(sent.value.post_data or "")
    assert answered(demo, body, body["credential"]) == OVER
    assert answered(demo, question(demo), body["credential"]) == REFUSED


def test_a_challenge_for_signing_in_makes_no_passkey(page: Page, demo: Demo, lin: str) -> None:
    asked = question(demo)
    with demo.client(lin) as resident:
        body = {"challenge_id": asked["challenge_id"], "credential": {"id": "AA", "rawId": "AA", "type": "public-key"}}
        body["credential"] |= {"response": {"clientDataJSON": "e30", "attestationObject": "oA"}}
        assert resident.post("/v1/passkeys", json=body).json()["code"] == "passkey_challenge_over"


def test_a_removed_passkey_opens_nothing_though_the_phone_still_has_it(page: Page, phone: Device, demo: Demo) -> None:
    passkeys = page.get_by_role("region", name="Passkeys")
    passkeys.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("is removed.")).to_be_visible()
    expect(passkeys.get_by_role("heading", name="No passkeys yet")).to_be_visible()
    assert len(phone.passkeys()) == 1
    at_the_door(page, demo, offered=False)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert").filter(has_text=NOT_ACCEPTED)).to_be_visible()
    assert page.url.endswith("lang=en")


def test_two_authenticators_each_open_her_account(page: Page, phone: Device, demo: Demo) -> None:
    phone.touched(False)
    ring = Device(page, transport="usb")
    add_passkey(page)
    expect(page.get_by_role("region", name="Passkeys").get_by_role("listitem")).to_have_count(2)
    ring.touched(False)
    for device in (phone, ring):
        at_the_door(page, demo, offered=False)
        device.touched(True)
        page.get_by_role("button", name="Sign in with a passkey").click()
        page.wait_for_url(demo.base_url + "/me")
        device.touched(False)
    assert [device.passkeys()[0]["signCount"] > 1 for device in (phone, ring)] == [True, True]


def test_a_copy_that_counts_from_where_it_was_taken_is_refused_and_she_is_told(
    page: Page, phone: Device, demo: Demo
) -> None:
    (copied,) = phone.passkeys()
    at_the_door(page, demo)
    page.wait_for_url(demo.base_url + "/me")
    phone.forgets()
    phone.holds(copied)
    at_the_door(page, demo, offered=False)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert").filter(has_text=NOT_ACCEPTED)).to_be_visible()
    phone.forgets()
    phone.holds(copied | {"signCount": 50})
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(demo.base_url + "/me")
    page.goto(demo.base_url + "/inbox")
    expect(page.get_by_role("heading", name="We refused a sign-in with one of your passkeys")).to_be_visible()
    page.get_by_role("listitem").filter(has_text="We refused").get_by_role("link", name="Open").click()
    expect(page.get_by_role("heading", name="Sessions and devices", level=1)).to_be_visible()


def test_a_passkey_opens_the_account_of_its_owner_on_a_phone_that_two_share(
    page: Page, phone: Device, demo: Demo, lin: str
) -> None:
    chen = next(NUMBERS)
    prefer(demo, chen, {})
    hers = phone.passkeys()[0]
    page.context.add_cookies(demo.cookies(chen))  # type: ignore[arg-type]
    page.reload()
    add_passkey(page)
    assert len(phone.passkeys()) == 2
    phone.cdp.send("WebAuthn.removeCredential", {"authenticatorId": phone.id, "credentialId": hers["credentialId"]})
    at_the_door(page, demo)
    page.wait_for_url(demo.base_url + "/me")
    assert page.request.get(demo.base_url + "/v1/me").json()["id"] == demo.session(chen)["resident"]["id"]


def test_without_a_passkey_at_hand_the_number_remains(page: Page, demo: Demo) -> None:
    Device(page)
    at_the_door(page, demo, offered=False)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert").filter(has_text="No passkey was used.")).to_be_visible()
    expect(page.get_by_role("button", name="Send code")).to_be_enabled()


def test_without_javascript_the_sign_in_page_offers_none(visit: Open) -> None:
    page = visit("/sign-in", size=PHONE, java_script_enabled=False)
    expect(page.get_by_role("button", name="Send code")).to_be_visible()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()


def test_she_gives_a_passkey_a_name(page: Page, phone: Device) -> None:
    passkeys = page.get_by_role("region", name="Passkeys")
    passkeys.get_by_role("button", name="Rename").click()
    page.get_by_label("Name", exact=True).fill("My old phone")
    page.get_by_role("button", name="Save name").click()
    expect(passkeys.get_by_role("listitem")).to_contain_text("My old phone")
    expect(page.get_by_text("The name is saved.")).to_be_visible()


@pytest.fixture
def desk(visit: Open, phone: Device, demo: Demo) -> Page:
    """The same account on another device, opened with the same passkey; the phone stays signed in."""
    page = visit("/nowhere")
    Device(page).holds(phone.passkeys()[0])
    at_the_door(page, demo, "/me/sessions")
    expect(page.get_by_role("heading", name="Sessions and devices", level=1)).to_be_visible()
    phone.touched(False)  # once signed out, it stays so
    return page


def test_she_ends_the_session_of_a_lost_phone_and_it_is_signed_out(page: Page, desk: Page) -> None:
    expect(desk.get_by_role("region", name="Where you are signed in").get_by_role("listitem")).to_have_count(2)
    desk.get_by_role("button", name="End the session on").click()
    desk.get_by_role("dialog").get_by_role("button", name="End").click()
    expect(desk.get_by_text("has ended.")).to_be_visible()
    expect(desk.get_by_role("button", name="End all other sessions")).to_be_hidden()
    page.reload()
    page.wait_for_url("**/sign-in?next=*")


def test_she_ends_all_others_and_hears_of_the_device_that_was_new(page: Page, desk: Page, demo: Demo) -> None:
    desk.get_by_role("button", name="End all other sessions").click()
    desk.get_by_role("dialog").get_by_role("button", name="End all other sessions").click()
    expect(desk.get_by_text("All other sessions have ended.")).to_be_visible()
    expect(desk.get_by_role("region", name="Where you are signed in").get_by_role("listitem")).to_have_count(1)
    page.reload()
    page.wait_for_url("**/sign-in?next=*")
    desk.goto(demo.base_url + "/inbox")
    expect(desk.get_by_role("heading", name="Your account was opened on a new device")).to_be_visible()


def test_without_javascript_she_names_and_ends_sessions(visit: Open, page: Page, desk: Page, lin: str) -> None:
    plain = visit("/", as_=lin, size=PHONE, java_script_enabled=False)
    plain.locator("noscript").get_by_role("link", name="Sessions and devices").click()
    expect(plain.get_by_role("listitem")).to_have_count(2)
    other = plain.get_by_role("listitem").filter(has_not_text="This device")
    other.get_by_role("textbox").fill("Library desk")
    other.get_by_role("button", name="Rename").click()
    expect(plain.get_by_role("listitem").first).to_contain_text("Library desk")
    plain.get_by_role("button", name="End the session on “Library desk”").click()
    expect(plain.get_by_role("listitem")).to_have_count(1)
    desk.reload()
    desk.wait_for_url("**/sign-in?next=*")


def test_she_gives_a_device_a_name(page: Page, lin: str) -> None:
    sessions = page.get_by_role("region", name="Where you are signed in")
    sessions.get_by_role("button", name="Rename").click()
    page.get_by_label("Name", exact=True).fill("Kitchen tablet")
    page.keyboard.press("Enter")
    expect(sessions.get_by_role("listitem")).to_contain_text("Kitchen tablet")

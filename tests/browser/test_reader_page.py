"""A librarian and the reader page, from setting it up to the sentence she can act on."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PHONE, Open
from tests.browser.demo import OPERATOR, RESIDENT, Demo
from tests.browser.looks import faults_of
from tests.browser.screens import photograph, read_screen

pytestmark = pytest.mark.browser

CAMERA = """
  // A camera that sees what the test holds in front of it: globalThis.hold(canvas).
  const canvas = Object.assign(document.createElement("canvas"), {width: 720, height: 720});
  const ink = canvas.getContext("2d");
  let shown = null;
  globalThis.hold = (picture) => { shown = picture; };
  setInterval(() => {
    ink.fillStyle = "#888888";
    ink.fillRect(0, 0, 720, 720);
    if (shown) ink.drawImage(shown, 150, 150, 420, 420);
    else { ink.fillStyle = "#000000"; ink.fillRect(Math.random() * 600, Math.random() * 600, 100, 100); }
  }, 40);
  navigator.mediaDevices.getUserMedia = async () => canvas.captureStream(25);
"""
REFUSED_CAMERA = "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('no', '%s'); };"
NO_CAMERA = "navigator.permissions.query = async () => ({state: 'prompt'});"


@pytest.fixture(scope="module")
def enrolled(demo: Demo) -> Iterator[list[dict[str, str]]]:
    """The cookie of a reader called Desk 3."""
    with httpx2.Client(base_url=demo.base_url) as device:
        made = device.post("/v1/verifiers/enrolments", json={"code": demo.new_code("Desk 3")})
        assert made.status_code == 201, made.text
        yield [{"name": name, "value": value, "url": demo.base_url} for name, value in device.cookies.items()]


@pytest.fixture
def desk(visit: Open, enrolled: list[dict[str, str]]) -> Page:
    """Desk 3 with its camera off."""
    return reader(visit, enrolled, before=NO_CAMERA)


def reader(visit: Open, enrolled: list[dict[str, str]], **options: object) -> Page:
    page = visit("/demo/outbox", **options)
    page.context.add_cookies(enrolled)  # type: ignore[arg-type]
    page.goto(page.url.replace("/demo/outbox", "/reader"))
    expect(
        page.get_by_role("heading", name="Check a card").or_(page.get_by_role("heading", name="核验卡片"))
    ).to_be_visible()
    return page


def picture_of(visit: Open, demo: Demo, path: Path) -> Path:
    """A screenshot of the code on the resident's phone."""
    card = demo.library_card()
    phone = visit(f"/cards/{card['id']}", as_=RESIDENT, size=PHONE)
    read_screen(phone, path)
    return path


def result(page: Page) -> Locator:
    return page.locator(".result")


def test_a_librarian_sets_the_reader_up_with_the_code_she_was_given(visit: Open, demo: Demo) -> None:
    page = visit("/reader", size=PHONE, before=NO_CAMERA)
    field = page.get_by_label("Enrolment code")
    expect(field).to_be_focused()
    field.fill("ZZZZ-ZZZZ-ZZZZ")
    field.press("Enter")
    expect(page.get_by_text("This code is not known, was used already, or is too old.")).to_be_visible()
    assert not faults_of(page)
    field.fill(demo.new_code("Desk 1").lower().replace("-", " "))
    field.press("Enter")
    expect(page.get_by_role("heading", name="Check a card")).to_be_visible()
    expect(page.locator("#here")).to_contain_text("Desk 1")
    page.reload()
    expect(page.get_by_role("heading", name="Check a card")).to_be_visible()


def test_a_screenshot_of_the_phone_is_accepted_once_and_refused_with_a_remedy_the_second_time(
    visit: Open, demo: Demo, desk: Page, tmp_path: Path
) -> None:
    picture = picture_of(visit, demo, tmp_path / "phone.png")
    desk.locator("#picture").set_input_files(picture)
    expect(desk.get_by_role("heading", name="Accepted")).to_be_visible()
    card = demo.library_card()
    expect(result(desk)).to_contain_text("Library card")
    shown = desk.locator(".result__fields dt").all_inner_texts()
    assert len(shown) == 2, "the desk sees the holder and the number, and no more"
    expect(result(desk)).to_contain_text(next(f["value"] for f in card["fields"] if f["name"] == "holder_name"))
    assert not faults_of(desk)

    desk.get_by_role("button", name="Check the next card").click()
    desk.locator("#picture").set_input_files(picture)
    expect(desk.get_by_role("heading", name="Not accepted")).to_be_visible()
    expect(result(desk)).to_contain_text("This code has been checked here before.")
    expect(result(desk)).to_contain_text("Wait for the next code on the phone")
    expect(desk.get_by_role("button", name="Check the new code")).to_be_focused()
    assert not faults_of(desk)


def test_the_camera_reads_the_phone_and_does_not_check_a_code_again_that_stays_in_view(
    visit: Open, demo: Demo, enrolled: list[dict[str, str]], tmp_path: Path
) -> None:
    page = reader(visit, enrolled, before=CAMERA)
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url) if sent.url.endswith("/v1/verifications") else None)
    page.evaluate(
        """async (text) => {
            const script = document.querySelector("script[type=module]").src;
            const {draw} = await import(script.replace("reader/reader.js", "js/qr.js"));
            const canvas = document.createElement("canvas");
            draw(canvas, text, {size: 420});
            hold(canvas);
        }""",
        demo.card_code()["text"],
    )
    expect(page.get_by_role("heading", name="Accepted")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_text("This code has just been checked.")).to_be_visible()
    assert len(asked) == 1
    assert not faults_of(page)


def test_a_hand_scanner_types_the_code_from_anywhere_on_the_page(demo: Demo, desk: Page) -> None:
    desk.locator("h1").click()
    desk.keyboard.type(demo.card_code()["text"] + "\n")
    expect(desk.get_by_role("heading", name="Accepted")).to_be_visible()
    desk.keyboard.press("Escape")
    expect(desk.get_by_role("heading", name="Check a card")).to_be_visible()


def test_the_number_under_the_code_is_checked_too(demo: Demo, desk: Page) -> None:
    spoken = demo.card_code()["spoken"]
    desk.get_by_label("Number under the code").fill(f"{spoken[:3]} {spoken[3:6]} {spoken[6:9]} {spoken[9:]}")
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("heading", name="Accepted")).to_be_visible()


def test_a_mistyped_number_is_told_before_anything_is_asked(demo: Demo, desk: Page) -> None:
    asked: list[str] = []
    desk.on("request", lambda sent: asked.append(sent.url))
    field = desk.get_by_label("Number under the code")
    field.fill("12345")
    field.press("Enter")
    expect(desk.get_by_text("That has 5 digits; the number under the code has 12.")).to_be_visible()
    field.fill("482913770127")
    field.press("Enter")
    expect(desk.get_by_text("One digit is not right.")).to_be_visible()
    assert not [url for url in asked if "/v1/" in url]
    assert not faults_of(desk)


def test_a_picture_without_a_code_says_what_to_do(desk: Page, tmp_path: Path) -> None:
    (tmp_path / "nothing.png").write_bytes(photograph(desk))
    desk.locator("#picture").set_input_files(tmp_path / "nothing.png")
    expect(desk.get_by_text("No code was found in this picture.")).to_be_visible()
    (tmp_path / "letter.pdf").write_bytes(b"%PDF-1.7")
    desk.locator("#picture").set_input_files(tmp_path / "letter.pdf")
    expect(desk.get_by_text("This is not a PNG, JPEG or WebP picture.")).to_be_visible()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("NotAllowedError", "The camera is not allowed"),
        ("NotFoundError", "No camera found"),
        ("NotReadableError", "The camera is used by another program"),
    ],
)
def test_without_a_camera_she_is_told_why_and_can_still_type(
    visit: Open, enrolled: list[dict[str, str]], error: str, said: str
) -> None:
    page = reader(visit, enrolled, before=REFUSED_CAMERA % error, size=PHONE)
    expect(page.get_by_text(said, exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Try the camera again")).to_be_visible()
    expect(page.get_by_label("Number under the code")).to_be_visible()
    assert not faults_of(page)


def test_without_a_network_the_reader_says_so_and_goes_on_by_itself(demo: Demo, desk: Page) -> None:
    code = demo.card_code()["spoken"]
    desk.context.set_offline(True)
    expect(desk.get_by_text("No network", exact=True)).to_be_visible()
    desk.get_by_label("Number under the code").fill(code)
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("heading", name="Not checked")).to_be_visible()
    desk.context.set_offline(False)
    expect(desk.get_by_text("No network", exact=True)).to_be_hidden()
    desk.get_by_role("button", name="Try again").click()
    expect(desk.get_by_role("heading", name="Accepted")).to_be_visible()


def test_a_removed_reader_is_told_so_at_its_next_check(visit: Open, demo: Demo) -> None:
    page = visit("/reader", before=NO_CAMERA)
    page.get_by_label("Enrolment code").fill(demo.new_code("Desk to be removed"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Check a card")).to_be_visible()
    with demo.client(OPERATOR) as operator:
        readers = operator.get("/v1/verifiers?limit=100").json()["items"]
        gone = next(found["id"] for found in readers if found["name"] == "Desk to be removed")
        assert operator.delete(f"/v1/verifiers/{gone}").status_code == 204
    page.get_by_label("Number under the code").fill(demo.card_code()["spoken"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="This reader has been removed")).to_be_visible()
    assert not faults_of(page)


def test_she_can_give_the_reader_up(visit: Open, demo: Demo) -> None:
    page = visit("/reader", before=NO_CAMERA)
    page.get_by_label("Enrolment code").fill(demo.new_code("Desk to forget"))
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Forget this reader").click()
    page.get_by_role("dialog").get_by_role("button", name="Forget this reader").click()
    expect(page.get_by_role("heading", name="Set up this reader")).to_be_visible()


def test_a_result_goes_away_by_itself_unless_she_keeps_it(demo: Demo, desk: Page) -> None:
    desk.clock.install()
    desk.keyboard.type(demo.card_code()["text"] + "\n")
    expect(desk.get_by_role("heading", name="Accepted")).to_be_visible()
    desk.clock.run_for(12_000)
    expect(desk.get_by_role("heading", name="Check a card")).to_be_visible()
    desk.keyboard.type(demo.card_code()["text"] + "\n")
    desk.get_by_role("button", name="Keep showing").click()
    desk.clock.run_for(60_000)
    expect(desk.get_by_role("heading", name="Accepted")).to_be_visible()


def test_in_elder_mode_nothing_goes_away_unasked(visit: Open, demo: Demo, enrolled: list[dict[str, str]]) -> None:
    page = reader(visit, enrolled, before=NO_CAMERA, elder=True)
    page.clock.install()
    page.keyboard.type(demo.card_code()["text"] + "\n")
    expect(page.get_by_role("heading", name="Accepted")).to_be_visible()
    page.clock.run_for(120_000)
    expect(page.get_by_role("heading", name="Accepted")).to_be_visible()

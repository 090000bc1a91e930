"""Draw docs/images/strip.png anew: six pages of a running demo, side by side. Run `python -m tests.docs.strip`."""

import re
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from tests.browser.conftest import QUIET_FLAGS, chromium_path
from tests.browser.demo import OPERATOR, RESIDENT, Demo, running_demo
from tests.browser.screens import photograph

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "images" / "strip.png"
LARGEST = 250_000  # bytes
PHONE = ViewportSize(width=360, height=780)
HEIGHT, GAP, GROUND, COLOURS = 740, 14, (232, 236, 232), (160, 96, 64)
WITHOUT_CAMERA = "navigator.permissions.query = async () => ({state: 'prompt'});"


def main() -> None:
    """Start a demo, look at it, stop it, write the picture."""
    expect.set_options(timeout=20_000)
    with (
        tempfile.TemporaryDirectory() as home,
        running_demo(Path(home)) as demo,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium_path(), args=QUIET_FLAGS) as browser,
    ):
        screens = look(browser, demo, Path(home))
        picture = side_by_side([Image.open(screen) for screen in screens])
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    for colours in COLOURS:
        picture.quantize(colours, dither=Image.Dither.NONE).save(PICTURE, optimize=True)
        if PICTURE.stat().st_size <= LARGEST:
            return
    raise SystemExit(f"{PICTURE} is larger than {LARGEST} bytes")


def look(browser: Browser, demo: Demo, home: Path) -> list[Path]:
    """Home, the library, the card, the inbox, the reader, the console: what Ms Lin, a librarian and Mr Chen see."""
    card = demo.library_card(RESIDENT)
    with demo.client(RESIDENT) as resident:
        resident.patch("/v1/me", json={"locale": "en"})
    lin, chen = phone(browser, demo, RESIDENT), phone(browser, demo, OPERATOR)

    lin.goto(f"{demo.base_url}/")
    expect(lin.locator("a.tile").first).to_be_visible()
    screens = [shot(lin, home / "home.png")]

    lin.goto(f"{demo.base_url}/apps/library")
    expect(lin.frame_locator("iframe").get_by_role("button", name=re.compile("^Borrow")).first).to_be_visible()
    screens.append(shot(lin, home / "library.png"))

    lin.goto(f"{demo.base_url}/cards/{card['id']}")
    expect(lin.locator(".show__spoken")).to_be_visible()
    screens.append(shot(lin, home / "card.png"))

    desk = phone(browser, demo, None)
    desk.request.post(f"{demo.base_url}/v1/verifiers/enrolments", data={"code": demo.new_code("Front desk 2")})
    desk.goto(f"{demo.base_url}/reader")
    desk.locator("#picture").set_input_files(screens[-1])
    expect(desk.get_by_role("heading", name="Accepted")).to_be_visible()
    accepted = shot(desk, home / "reader.png")

    lin.goto(f"{demo.base_url}/inbox")
    expect(lin.get_by_role("article").first).to_be_visible()
    screens += [shot(lin, home / "inbox.png"), accepted]

    chen.goto(f"{demo.base_url}/console")
    expect(chen.locator(".calls").first).not_to_have_text("0", timeout=30_000)
    return [*screens, shot(chen, home / "console.png")]


def phone(browser: Browser, demo: Demo, person: str | None) -> Page:
    """A phone of this person's, or of nobody's, that reads English."""
    context = browser.new_context(viewport=PHONE, device_scale_factor=2, locale="en", reduced_motion="reduce")
    context.set_default_timeout(20_000)
    context.add_init_script(WITHOUT_CAMERA)
    context.add_cookies([{"name": "banyan_look", "value": "en.auto.plain", "url": demo.base_url}])
    if person:
        context.add_cookies(demo.cookies(person))  # type: ignore[arg-type]
    return context.new_page()


def shot(page: Page, path: Path) -> Path:
    """What the phone shows once it has come to rest."""
    expect(page.locator(".skeleton")).to_have_count(0)
    page.wait_for_timeout(400)
    path.write_bytes(photograph(page))
    return path


def side_by_side(screens: list[Image.Image]) -> Image.Image:
    """The screens in a row, at the same height."""
    width = round(HEIGHT * PHONE["width"] / PHONE["height"])
    strip = Image.new("RGB", (GAP + len(screens) * (width + GAP), HEIGHT + 2 * GAP), GROUND)
    for place, screen in enumerate(screens):
        small = screen.convert("RGB").resize((width, HEIGHT), Image.Resampling.LANCZOS)
        strip.paste(small, (GAP + place * (width + GAP), GAP))
    return strip


if __name__ == "__main__":
    main()

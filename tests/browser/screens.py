"""What a reader sees of a phone: the code on a picture of its screen."""

from io import BytesIO
from pathlib import Path

import zxingcpp
from PIL import Image
from playwright.sync_api import Error, Locator, Page, TimeoutError

TRIES, PAUSE = 50, 100  # ms; a busy machine draws late
SHOTS, EXPOSURE = 6, 5_000  # ms; Chromium can refuse a picture, or never make it, of a page that lies behind another


def photograph(screen: Page | Locator) -> bytes:
    """A PNG of the screen, as soon as Chromium can make one."""
    for _ in range(SHOTS):
        _page(screen).bring_to_front()
        try:
            return screen.screenshot(timeout=EXPOSURE)
        except TimeoutError:
            continue
        except Error as error:
            if "captureScreenshot" not in error.message:  # what the protocol calls it; the reasons vary
                raise
        _page(screen).wait_for_timeout(PAUSE)
    raise AssertionError("Chromium made no picture")


def read_screen(screen: Page | Locator, path: Path) -> str:
    """Photograph the screen to `path` until a reader can read the code on it; the code's text."""
    for _ in range(TRIES):
        path.write_bytes(picture := photograph(screen))
        if found := zxingcpp.read_barcodes(Image.open(BytesIO(picture))):
            return str(found[0].text)
        _page(screen).wait_for_timeout(PAUSE)
    raise AssertionError(f"no reader could read {path}")


def _page(screen: Page | Locator) -> Page:
    return screen if isinstance(screen, Page) else screen.page

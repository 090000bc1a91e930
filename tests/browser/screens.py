"""What a reader sees of a phone: the code on a picture of its screen."""

from pathlib import Path

import zxingcpp
from PIL import Image
from playwright.sync_api import Error, Locator, Page

TRIES, PAUSE = 50, 100  # ms; a busy machine draws late, and Chromium then cannot always be photographed at once


def read_screen(screen: Page | Locator, path: Path) -> str:
    """Photograph the screen to `path` until a reader can read the code on it; the code's text."""
    page = screen if isinstance(screen, Page) else screen.page
    for _ in range(TRIES):
        try:
            screen.screenshot(path=path)
        except Error as error:
            if "captureScreenshot" not in error.message:  # what the protocol calls it; the reasons vary
                raise
        else:
            if found := zxingcpp.read_barcodes(Image.open(path)):
                return str(found[0].text)
        page.wait_for_timeout(PAUSE)
    raise AssertionError(f"no reader could read {path}")

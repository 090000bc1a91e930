"""Chromium for tests of the pages, once for this folder.

Tests here are plain functions: Playwright's synchronous API keeps its own loop, so nothing in this folder may be `async`.
"""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

QUIET_FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]


def chromium_path() -> str:
    """Where Chromium is; without one the test is skipped on a laptop and fails in CI."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    missing = "Chromium is not installed (Debian: apt-get install chromium fonts-noto-cjk)."
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """A browser without windows; each test opens its own context in it."""
    path = chromium_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET_FLAGS)
        yield browser
        browser.close()

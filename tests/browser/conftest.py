"""Chromium and a running demo for tests of the pages, once for this folder.

Tests here are plain functions: Playwright's synchronous API keeps its own loop, so nothing in this folder may be
`async`.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.demo import Demo, running_demo

QUIET_FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]

PHONE, DESK = (360, 780), (1280, 800)
expect.set_options(timeout=15_000)  # ms: a page may come late on a busy machine

Open = Callable[..., Page]


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


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo city, started as `make demo` starts it."""
    chromium_path()  # no need to start a city that nobody can look at
    with running_demo(tmp_path_factory.mktemp("demo")) as running:
        yield running


@pytest.fixture
def visit(chromium: Browser, demo: Demo) -> Iterator[Open]:
    """Open a page of the demo in a browser of its own: `visit("/console", as_=OPERATOR, size=PHONE, locale="zh-CN")`.

    The test fails when a script of the page failed, or the page's own security policy refused something in it.
    """
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def open_page(
        path: str,
        *,
        as_: str | None = None,
        size: tuple[int, int] = DESK,
        locale: str = "en",
        theme: str = "light",
        elder: bool = False,
        before: str | None = None,
        **options: Any,
    ) -> Page:
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            locale=locale,
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
            permissions=["clipboard-read", "clipboard-write", "camera"],
            **options,
        )
        contexts.append(context)
        context.set_default_timeout(15_000)
        look = f"{locale}.auto.{'elder' if elder else 'plain'}"
        context.add_cookies([{"name": "banyan_look", "value": look, "url": demo.base_url}])
        if as_:
            context.add_cookies(demo.cookies(as_))  # type: ignore[arg-type]
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(f"{path}: {error}"))
        page.on(
            "console", lambda said: faults.append(f"{path}: {said.text}") if "Content Security" in said.text else None
        )
        if before:
            page.add_init_script(before)
        page.goto(demo.base_url + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not faults

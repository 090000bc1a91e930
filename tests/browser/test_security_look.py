"""The pages of signing in by other ways and of seeing to them: whole in every look, and clean for axe."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESK, PHONE, Open
from tests.browser.demo import RESIDENT, Demo
from tests.browser.looks import faults_of
from tests.browser.screens import photograph

pytestmark = pytest.mark.browser

LOOKS: dict[str, dict[str, object]] = {
    "phone": {"size": PHONE},
    "dark phone in Chinese, elder": {"size": PHONE, "theme": "dark", "locale": "zh-CN", "elder": True},
    "dark desk": {"size": DESK, "theme": "dark"},
}


@pytest.mark.parametrize("look", LOOKS)
def test_the_pages_are_whole_and_clean(visit: Open, look: str, tmp_path: Path) -> None:
    page = visit("/security", as_=RESIDENT, **LOOKS[look])
    whole(page, tmp_path / "security.png")
    page.locator("button[value=app_begin]").click()
    page.wait_for_url("**/security/app")
    whole(page, tmp_path / "app.png")
    page.locator("a.button[href='/security']").click()
    page.locator("button[value=make_codes]").click()
    expect(page.locator("li.mono")).to_have_count(10)
    whole(page, tmp_path / "codes.png")
    page.goto(page.url.replace("/security", "/presence?purpose=password&next=/security"))
    whole(page, tmp_path / "presence.png")
    for path in ("/recover", "/recover/cancel/some-name"):
        page.goto(page.url.partition("/presence")[0].partition("/recover")[0] + path)
        whole(page, tmp_path / f"{path.count('/')}-recover.png")
    page = visit("/phone-changes/some-name", **LOOKS[look])
    whole(page, tmp_path / "undo-number.png")
    door = visit("/sign-in/password", **LOOKS[look])
    whole(door, tmp_path / "password.png")
    door.locator("#phone").fill("138 1111 2222")
    door.locator("#password").fill("not the password")
    door.locator("button.button--primary").click()
    expect(door.locator("[role=alert] p")).to_be_visible()
    whole(door, tmp_path / "refused.png")


@pytest.mark.parametrize("look", LOOKS)
def test_a_number_is_changed_and_brought_back_without_javascript(
    visit: Open, demo: Demo, look: str, tmp_path: Path
) -> None:
    place = list(LOOKS).index(look)
    old, new = f"+861381122000{place}", f"+861391122000{place}"
    seen = visit("/security/phone", as_=old, **LOOKS[look])  # axe needs JavaScript: the same pages once more
    whole(seen, tmp_path / "number.png")
    page = visit("/security/phone", as_=old, size=PHONE, java_script_enabled=False)
    page.locator("#phone").fill(new)
    page.locator("button[value=send]").click()
    page.locator("#code").fill("000 000")
    page.locator("button[value=confirm]").click()
    expect(page.locator("[role=alert] p")).to_be_visible()
    page.locator("#code").fill(demo.code_sent_to(new))
    page.locator("button[value=confirm]").click()
    expect(page.locator("[role=status] p").first).to_be_visible()
    seen.goto(demo.base_url + "/security?done=number_changed")
    expect(seen.locator("#number-changed")).to_be_visible()
    whole(seen, tmp_path / "changed.png")
    page.locator("button[value=undo_number]").click()
    expect(page.locator("#number-changed")).to_have_count(0)
    expect(page.get_by_text("138****", exact=False).first).to_be_visible()


def whole(page: Page, picture: Path) -> None:
    expect(page.locator("h1")).to_have_count(1)
    picture.write_bytes(photograph(page))
    assert faults_of(page) == []

"""A resident signs out, of a clinic's own program or of the city, and sees who has heard of it."""

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.authorization.relying_parties import CLINIC
from tests.browser.clinic import Clinic, open_clinic
from tests.browser.conftest import PHONE, Open
from tests.browser.demo import PROVIDER, Demo
from tests.browser.looks import faults_of
from tests.browser.screens import photograph
from tests.browser.test_login_for_others import LOOKS, goes_to_clinic, signs_in

pytestmark = pytest.mark.browser

SIGN_OUT, CONFIRMED = re.compile("^(Sign out|退出登录)$"), re.compile("Confirmed|已确认")
numbers = (f"+86138001112{each:02}" for each in count(1))


@pytest.fixture
def clinic(demo: Demo) -> Iterator[Clinic]:
    """The clinic's program, which hears of logouts."""
    with open_clinic(demo.base_url) as opened, demo.client(PROVIDER) as provider:
        own = {"redirect_uris": [opened.back], "post_logout_redirect_uris": [opened.home]}
        made = provider.post("/v1/provider/clients", json={**CLINIC, **own, "backchannel_logout_uri": opened.receiver})
        assert made.status_code == 201, made.text
        opened.client_id = made.json()["client_id"]
        yield opened
        provider.delete(f"/v1/provider/clients/{opened.client_id}")


def at_the_clinic(page: Page, clinic: Clinic) -> None:
    """Signed in there, with a session of the city's that is open already."""
    goes_to_clinic(page, clinic)
    page.locator("button[value=allow]").click()
    page.wait_for_url(f"{clinic.home}**")


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
def test_she_signs_out_of_the_clinic_and_the_city(visit: Open, demo: Demo, clinic: Clinic, script: bool) -> None:
    page = visit("/sign-in", size=PHONE, java_script_enabled=script)
    signs_in(page, demo, next(numbers))
    at_the_clinic(page, clinic)
    page.get_by_role("link", name="Sign out").click()
    expect(page.get_by_text("Fuzhou Clinic says that you are signing out of it.")).to_be_visible()
    page.get_by_role("button", name="Stay signed in to the city").click()
    page.wait_for_url(f"{clinic.home}?state=out")
    page.get_by_role("link", name="Sign out").click()
    page.get_by_role("button", name="Sign out everywhere on this device").click()
    page.wait_for_url(f"{clinic.home}?state=out")
    page.goto(f"{demo.base_url}/me")
    expect(page.get_by_label("Mobile number")).to_be_visible()
    for _ in range(100):
        if clinic.heard:
            break
        page.wait_for_timeout(100)
    assert clinic.heard[0].startswith("logout_token=")


@pytest.mark.parametrize("look", LOOKS)
def test_the_pages_of_a_logout_are_whole_and_clean(
    visit: Open, demo: Demo, clinic: Clinic, look: str, tmp_path: Path
) -> None:
    page = visit("/", as_=next(numbers), **LOOKS[look])
    at_the_clinic(page, clinic)
    page.goto(clinic.way_out())
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert not faults_of(page)
    (tmp_path / "asked.png").write_bytes(photograph(page))
    page.goto(f"{demo.base_url}/me")
    page.get_by_role("button", name=SIGN_OUT).click()
    page.get_by_role("dialog").locator(".button--primary").click()
    page.wait_for_url("**/signed-out/**")
    mark = page.locator(".mark")
    for _ in range(10):  # a busy machine answers late; then she looks again
        if CONFIRMED.fullmatch(mark.inner_text()):
            break
        page.reload()
    expect(mark).to_have_text(CONFIRMED)
    assert not faults_of(page)
    (tmp_path / "signed-out.png").write_bytes(photograph(page))


TAKE_BACK = """async (client) => {
  const { items } = await (await fetch("/v1/consents")).json();
  const { id } = items.find((each) => each.app_id === client && each.scope === "openid");
  await fetch(`/v1/consents/${id}`, { method: "DELETE" });
}"""


@pytest.mark.parametrize("path", ["/me/sessions", "/sessions"])
def test_she_sees_later_who_was_told(visit: Open, demo: Demo, clinic: Clinic, path: str, tmp_path: Path) -> None:
    page = visit("/", as_=next(numbers), size=PHONE)
    at_the_clinic(page, clinic)
    page.goto(f"{demo.base_url}/sessions")
    page.evaluate(TAKE_BACK, clinic.client_id)
    page.goto(demo.base_url + path)
    expect(page.get_by_role("heading", name=re.compile("Who was told of it|哪些服务已得知"))).to_be_visible()
    expect(page.get_by_text(re.compile("Fuzhou Clinic|福州诊所"))).to_be_visible()
    assert not faults_of(page)
    (tmp_path / "told.png").write_bytes(page.screenshot(full_page=True))

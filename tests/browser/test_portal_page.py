"""A provider at the portal: the numbers of their own, and a manifest checked before it is submitted."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Open
from tests.browser.demo import OPERATOR, PROVIDER, Demo
from tests.browser.looks import faults_of

pytestmark = pytest.mark.browser

MANIFEST = Path(__file__).parents[2] / "miniapps" / "library" / "miniapp.json"


def check(visit: Open, text: str, **options: object) -> Page:
    page = visit("/portal/check", as_=PROVIDER, **options)
    page.get_by_label("miniapp.json").fill(text)
    page.get_by_role("button", name="Check this manifest").click()
    return page


def test_a_provider_sees_their_own_listing_and_cannot_suspend_it(visit: Open) -> None:
    page = visit("/portal?app=library", as_=PROVIDER)
    expect(page.get_by_role("heading", name="Fuzhou Library", level=2)).to_be_visible()
    expect(page.get_by_role("heading", name="History")).to_be_visible()
    expect(page.get_by_role("button", name="Suspend this service")).to_have_count(0)


def test_the_desks_are_each_for_their_own_people(visit: Open) -> None:
    expect(visit("/console", as_=PROVIDER).get_by_role("heading", level=1)).to_have_text(
        "This desk is not for your account"
    )
    expect(visit("/portal", as_=OPERATOR).get_by_role("heading", level=1)).to_have_text(
        "This desk is not for your account"
    )


def test_the_library_s_own_manifest_can_be_submitted(visit: Open) -> None:
    page = visit("/portal/check", as_=PROVIDER)
    page.locator("#file").set_input_files(MANIFEST)
    expect(page.locator("#findings h2")).to_have_text("No findings: this manifest can be submitted")


def test_every_finding_comes_at_once_with_its_place_and_how_to_mend_it(visit: Open) -> None:
    manifest = json.loads(MANIFEST.read_text())
    manifest["pages"] = 42
    del manifest["banyan"]["scopes"][0]["purpose"]
    page = check(visit, json.dumps(manifest, indent=2, ensure_ascii=False), size=PHONE)
    findings = page.locator(".finding")
    expect(findings).to_have_count(2)
    expect(page.get_by_text("2 of them stop a submission.")).to_be_visible()
    assert not faults_of(page)
    selected = "(field) => field.value.slice(field.selectionStart, field.selectionEnd)"
    page.get_by_role("button", name="Show the place: /pages").click()
    assert page.get_by_label("miniapp.json").evaluate(selected) == "42"
    page.get_by_role("button", name="Show the place: /banyan/scopes/0/purpose").click()
    shown = page.get_by_label("miniapp.json").evaluate(selected)
    assert json.loads(shown) == manifest["banyan"]["scopes"][0], "what is missing is shown by what it is missing from"


def test_what_is_not_json_is_told_at_the_field(visit: Open) -> None:
    page = check(visit, '{"app_id": "pool",}')
    expect(page.locator("#manifest-error")).to_contain_text("This is not JSON:")
    expect(page.get_by_label("miniapp.json")).to_be_focused()
    expect(page.get_by_label("miniapp.json")).to_have_attribute("aria-invalid", "true")


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", '{"a": [1, {"b/c": "x\\"]"}, -2.5e3], "": true, "m~n": null}'),
        ("/a/0", "1"),
        ("/a/1/b~1c", '"x\\"]"'),
        ("/a/2", "-2.5e3"),
        ("/", "true"),
        ("/m~0n", "null"),
        ("/a/7", None),
        ("/a/1/b", None),
    ],
)
def test_a_place_is_found_by_its_json_pointer(visit: Open, pointer: str, value: str | None) -> None:
    text = ' {"a": [1, {"b/c": "x\\"]"}, -2.5e3], "": true, "m~n": null}\n'
    page = visit("/portal/check", as_=PROVIDER)
    found = page.evaluate(
        """async ([text, pointer]) => {
            const script = document.querySelector("script[type=module]").src;
            const {place} = await import(script.replace("check.js", "pointer.js"));
            const at = place(text, pointer);
            return at && text.slice(...at);
        }""",
        [text, pointer],
    )
    assert found == value


def test_a_provider_adds_readers_for_their_own_mini_apps(visit: Open, demo: Demo) -> None:
    page = visit("/portal/readers", as_=PROVIDER, locale="zh-CN")
    page.get_by_role("button", name="添加读卡端").click()
    expect(page.get_by_role("dialog").get_by_label("小程序").locator("option")).to_have_text(["福州市图书馆"])
    assert not faults_of(page)

"""A resident signs in, consents and signs out with forms alone, as a browser without JavaScript does."""

import re
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from app_server.pages.sign_in import own_path
from tests.city import City
from tests.factories import publish

PHONE = "+8613800000001"
RESEND = ("step", "challenge_id", "phone", "next")
ENGLISH = {"accept-language": "en", "accept": "text/html"}


def hidden(html: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)">', html)
    assert found, f"no field {name}"
    return found[1]


def here(city: City) -> dict[str, str]:
    """What a browser says when a form of the city's own page is sent."""
    return {**ENGLISH, "origin": city.settings.base_url}


async def send_number(city: City, browser: httpx2.AsyncClient, target: str = "/") -> httpx2.Response:
    """The first step of the form."""
    await city.forget_limits()
    return await browser.post("/sign-in", data={"step": "phone", "phone": "138 0000 0001", "next": target})


async def send_code(browser: httpx2.AsyncClient, html: str, code: str) -> httpx2.Response:
    """The second step, with what the page of the first one carries."""
    fields = {name: hidden(html, name) for name in ("challenge_id", "phone", "next")}
    return await browser.post("/sign-in", data={"step": "code", "code": code, **fields})


async def signed_in(city: City, browser: httpx2.AsyncClient) -> None:
    """Through the form to a session."""
    asked = await send_number(city, browser)
    done = await send_code(browser, asked.text, await city.last_code(PHONE))
    assert done.status_code == 303


async def test_who_is_not_signed_in_is_sent_to_the_door_and_back(city: City) -> None:
    async with city.browser(**here(city)) as browser:
        sent = await browser.get("/inbox?from=home")
        assert sent.status_code == 303
        door = urlsplit(sent.headers["location"])
        assert door.path == "/sign-in"
        assert parse_qs(door.query)["next"] == ["/inbox?from=home"]
        asked = await send_number(city, browser, "/inbox?from=home")
        assert "138****0001" in asked.text
        done = await send_code(browser, asked.text, await city.last_code(PHONE))
        assert done.headers["location"] == "/inbox?from=home"
        assert (await browser.get("/inbox")).status_code == 200
        assert (await browser.get("/sign-in")).headers["location"] == "/"


async def test_the_door_says_who_may_see_the_number(city: City) -> None:
    async with city.browser(**ENGLISH) as browser:
        assert "shown only to services that you allow it" in (await browser.get("/sign-in")).text


@pytest.mark.parametrize("path", ["/sign-in", "/v1/sign-in/sessions"])
async def test_signing_in_anew_ends_the_session_that_the_browser_had(city: City, path: str) -> None:
    before = await city.person("+8613800000002", name="陈伟")
    async with city.browser(**here(city)) as browser:
        browser.cookies.set("banyan_session", before.cookie)
        asked = await send_number(city, browser)
        challenge, code = hidden(asked.text, "challenge_id"), await city.last_code(PHONE)
        if path == "/sign-in":
            done = await send_code(browser, asked.text, code)
        else:
            done = await browser.post(path, json={"challenge_id": challenge, "code": code})
    for cookie, status in ((before.cookie, 401), (done.cookies["banyan_session"], 200)):
        async with city.browser(cookie=f"banyan_session={cookie}") as anew:
            assert (await anew.get("/v1/me")).status_code == status


async def test_a_wrong_code_is_told_in_a_sentence_and_may_be_corrected(city: City) -> None:
    async with city.browser(**here(city)) as browser:
        asked = await send_number(city, browser)
        code = await city.last_code(PHONE)
        wrong = "000000" if code != "000000" else "111111"
        refused = await send_code(browser, asked.text, wrong)
        assert refused.status_code == 400
        assert "That is not the code we sent. Look at the message again. Tries left: 4." in refused.text
        assert (await send_code(browser, refused.text, code)).status_code == 303


async def test_a_number_that_is_none_is_told_in_the_persons_language(city: City) -> None:
    async with city.browser(**{**here(city), "accept-language": "zh-CN"}) as browser:
        refused = await browser.post("/sign-in", data={"step": "phone", "phone": "12345", "next": "/"})
    assert refused.status_code == 400
    assert '<html lang="zh-CN"' in refused.text
    assert "这不是可以接收验证码的手机号码" in refused.text


async def test_a_second_code_has_to_wait(city: City) -> None:
    async with city.browser(**here(city)) as browser:
        await send_number(city, browser)
        again = await browser.post("/sign-in", data={"step": "phone", "phone": "138 0000 0001", "next": "/"})
    assert again.status_code == 429
    assert int(again.headers["retry-after"]) > 0
    assert "That was too often in a short time." in again.text


async def test_asking_too_early_for_a_second_code_leaves_the_first_one_good(city: City) -> None:
    async with city.browser(**here(city)) as browser:
        asked = await send_number(city, browser)
        fields = {name: hidden(asked.text.partition('id="resend-form"')[2], name) for name in RESEND}
        early = await browser.post("/sign-in", data=fields)
        assert early.status_code == 429
        assert "That was too often in a short time." in early.text
        assert (await send_code(browser, early.text, await city.last_code(PHONE))).status_code == 303


async def test_another_site_cannot_send_the_form(city: City) -> None:
    async with city.browser(**{**ENGLISH, "origin": "https://elsewhere.example"}) as browser:
        refused = await browser.post("/sign-in", data={"step": "phone", "phone": "138 0000 0001", "next": "/"})
    assert refused.status_code == 403
    assert await city.rows("SELECT 1 FROM core_sign_in_challenge") == []


@pytest.mark.parametrize(
    "target", ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere.example", "/\t/elsewhere.example", ""]
)
def test_a_sign_in_leads_to_no_other_site(target: str) -> None:
    assert own_path(target) == "/"


async def test_a_page_carries_the_strict_policy_and_the_look_that_was_chosen(city: City) -> None:
    async with city.browser(**ENGLISH) as browser:
        browser.cookies.set("banyan_look", "zh-CN.dark.elder")
        door = await browser.get("/sign-in")
    policy = door.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "frame-src http://*.localhost:8000" in policy
    assert '<html lang="zh-CN" data-theme="dark" data-elder>' in door.text
    assert door.headers["cache-control"] == "no-store"


async def test_choosing_a_language_is_remembered(city: City) -> None:
    async with city.browser(**ENGLISH) as browser:
        await browser.get("/sign-in?lang=zh-CN")
        assert '<html lang="zh-CN"' in (await browser.get("/sign-in")).text


async def test_consent_names_what_is_needed_and_grants_it(city: City) -> None:
    await publish(city)
    async with city.browser(**here(city)) as browser:
        await signed_in(city, browser)
        asked = await browser.get("/consent?app_id=library&next=/apps/library")
        assert "Fuzhou Library asks for your consent" in asked.text
        assert "to print your name on your library card" in asked.text
        assert hidden(asked.text, "next") == "/apps/library"
        form = {"app_id": "library", "next": "/apps/library"}
        later = await browser.post("/consent", data={**form, "answer": "not_now"})
        assert later.headers["location"] == "/"
        assert (await browser.get("/v1/consents")).json()["items"] == []
        allowed = await browser.post("/consent", data={**form, "answer": "allow"})
        assert allowed.headers["location"] == "/apps/library"
        granted = {item["scope"] for item in (await browser.get("/v1/consents")).json()["items"]}
        assert granted >= {"profile:read", "cards:issue"}


async def test_consent_leads_to_no_other_site(city: City) -> None:
    await publish(city)
    async with city.browser(**here(city)) as browser:
        await signed_in(city, browser)
        lure = "//evil.example"
        asked = await browser.get("/consent", params={"app_id": "library", "next": lure})
        assert hidden(asked.text, "next") == "/"
        allowed = await browser.post("/consent", data={"app_id": "library", "next": lure, "answer": "allow"})
        assert allowed.headers["location"] == "/"


async def test_consent_is_asked_of_who_is_signed_in_only(city: City) -> None:
    await publish(city)
    async with city.browser(**here(city)) as stranger:
        sent = await stranger.get("/consent?app_id=library")
        assert sent.headers["location"].startswith("/sign-in?next=%2Fconsent%3Fapp_id")
        assert (await stranger.post("/consent", data={"app_id": "library", "answer": "allow"})).status_code == 401
    async with city.browser(**here(city)) as browser:
        await signed_in(city, browser)
        assert (await browser.get("/consent?app_id=nobody")).status_code == 404
        elsewhere = {"origin": "http://library.localhost:8000"}
        forged = await browser.post("/consent", data={"app_id": "library", "answer": "allow"}, headers=elsewhere)
        assert forged.status_code == 403
        assert (await browser.get("/v1/consents")).json()["items"] == []


async def test_signing_out_ends_the_session_of_this_browser(city: City) -> None:
    async with city.browser(**here(city)) as browser:
        await signed_in(city, browser)
        assert "Sign out on this device?" in (await browser.get("/sign-out")).text
        cookie = browser.cookies["banyan_session"]
        assert (await browser.post("/sign-out")).headers["location"] == "/sign-in?next=%2F"
        browser.cookies.set("banyan_session", cookie)
        assert (await browser.get("/v1/me")).status_code == 401

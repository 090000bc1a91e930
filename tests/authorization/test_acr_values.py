"""A client asks for more than a code to the phone (`acr_values`)."""

from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.actors import Person
from tests.authorization.relying_parties import Browser, claims_of, question, tokens, told
from tests.city import City
from tests.identity.factors.people import PASSWORD, set_password
from tests.pages.test_sign_in_pages import hidden

PHONE, TWO_STEPS, PASSKEY = (f"urn:banyan:acr:{name}" for name in ("phone", "two-steps", "passkey"))


async def with_password(browser: Browser, person: Person, door: httpx2.Response) -> httpx2.Response:
    """Sign in at the door by password and the code of the phone, and go on."""
    await person.city.forget_limits()
    form = {"phone": person.phone, "password": PASSWORD, "next": hidden(door.text, "next")}
    asked = await browser.http.post("/sign-in/password", data=form)
    form = {name: hidden(asked.text, name) for name in ("challenge_id", "phone", "next")}
    form |= {"step": "code", "code": await person.city.last_code(person.phone)}
    return await browser._follow(await browser.http.post("/sign-in", data=form))


async def with_code(browser: Browser, person: Person, door: httpx2.Response) -> httpx2.Response:
    await person.city.forget_limits()
    form = {"step": "phone", "phone": person.phone, "next": hidden(door.text, "next")}
    asked = await browser.http.post("/sign-in", data=form)
    form = {name: hidden(asked.text, name) for name in ("challenge_id", "phone", "next")}
    form |= {"step": "code", "code": await person.city.last_code(person.phone)}
    return await browser._follow(await browser.http.post("/sign-in", data=form))


async def test_she_signs_in_with_more_and_the_client_hears_how(city: City, clinic: str, lin: Person) -> None:
    await set_password(lin)
    browser = Browser(city, lin)
    door = await browser.asks(question(clinic, acr_values=f"urn:elsewhere:gold {TWO_STEPS} {PASSKEY}"))
    assert "asks for more than a code to your phone" in door.text
    page = await with_password(browser, lin, door)
    back = told(await browser.presses(page, answer="allow"))
    claims = await claims_of(city, (await tokens(city, clinic, back["code"])).json()["id_token"], clinic)
    assert (claims["acr"], claims["amr"]) == (TWO_STEPS, ["pwd", "sms", "mfa"])


async def test_who_signs_in_with_less_all_the_same_is_not_asked_for_ever(city: City, clinic: str, lin: Person) -> None:
    await set_password(lin)
    browser = Browser(city, lin)
    door = await browser.asks(question(clinic, acr_values=TWO_STEPS))
    back = told(await with_code(browser, lin, door))
    assert (back["error"], back["state"]) == ("unmet_authentication_requirements", "s1")


@pytest.mark.parametrize("acr_values", [TWO_STEPS, PASSKEY, f"{PASSKEY} {TWO_STEPS}"])
async def test_what_she_cannot_do_is_told_at_once(city: City, clinic: str, lin: Person, acr_values: str) -> None:
    back = told(await Browser(city, lin).asks(question(clinic, acr_values=acr_values)))
    assert back["error"] == "unmet_authentication_requirements"


async def test_a_silent_question_gets_no_page(city: City, clinic: str, lin: Person) -> None:
    await set_password(lin)
    back = told(await Browser(city, lin).asks(question(clinic, acr_values=TWO_STEPS, prompt="none")))
    assert back["error"] == "login_required"


@pytest.mark.parametrize("acr_values", [PHONE, "urn:elsewhere:gold", f"{PASSKEY} {PHONE}", "1 2", ""])
async def test_what_is_proven_or_unknown_asks_for_nothing(
    city: City, clinic: str, lin: Person, acr_values: str
) -> None:
    page = await Browser(city, lin).asks(question(clinic, acr_values=acr_values))
    assert "wants to know that it is you" in page.text


async def test_a_form_that_was_open_before_cannot_go_round_it(city: City, clinic: str, lin: Person) -> None:
    await set_password(lin)
    browser = Browser(city, lin)
    await city.execute("UPDATE core_session SET method = 'pwd_otp'")
    page = await browser.asks(question(clinic, acr_values=TWO_STEPS))
    await city.execute("UPDATE core_session SET method = 'otp'")
    door = await browser.presses(page, answer="allow")
    assert parse_qs(urlsplit(str(door.url)).query)["level"] == ["2"]

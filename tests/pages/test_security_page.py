"""A resident sees to her ways to sign in, and signs in by them, with forms alone."""

import re
from datetime import timedelta

import httpx2

from app_server.identity.factors import otp
from tests.city import City
from tests.identity.factors.people import PASSWORD, begin_a_step
from tests.pages.test_sign_in_pages import PHONE, here, hidden, send_code, send_number, signed_in


async def with_app(city: City, browser: httpx2.AsyncClient) -> str:
    """The secret of an app that she set up by the forms."""
    begun = await browser.post("/security", data={"act": "app_begin"})
    assert begun.headers["location"] == "/security/app"
    shown = await browser.get("/security/app")
    assert "data:image/svg+xml;base64," in shown.text
    secret = str(re.findall(r"\b[A-Z2-7]{32}\b", shown.text)[0])
    wrong = await browser.post("/security", data={"act": "app_confirm", "code": "000 00x"})
    assert wrong.status_code == 400
    assert secret in wrong.text
    code = otp.code_at(secret, otp.step_at(city.clock()))
    done = await browser.post("/security", data={"act": "app_confirm", "code": f"{code[:3]} {code[3:]}"})
    assert done.headers["location"] == "/security?done=app_on"
    return secret


async def test_she_sets_up_an_app_and_is_asked_for_it(city: City) -> None:
    begin_a_step(city)
    async with city.browser(**here(city)) as desk, city.browser(**here(city)) as phone:
        await signed_in(city, desk)
        secret = await with_app(city, desk)
        assert "The app is on." in (await desk.get("/security?done=app_on")).text
        asked = await send_number(city, phone, "/inbox")
        second = await send_code(phone, asked.text, await city.last_code(PHONE))
        assert "One step more" in second.text
        form = {"step": hidden(second.text, "step"), "next": hidden(second.text, "next"), "code": "111111"}
        again = await phone.post("/sign-in/second-step", data=form)
        assert again.status_code == 400
        form["code"] = otp.code_at(secret, otp.step_at(city.clock()) + 1)
        done = await phone.post("/sign-in/second-step", data=form)
        assert done.headers["location"] == "/inbox"
        assert (await phone.get("/v1/me")).status_code == 200
        asked = await desk.post("/security", data={"act": "app_off"})  # she signed in here before there was an app
        assert asked.headers["location"] == "/presence?purpose=authenticator_app&next=%2Fsecurity"
        shown = await desk.get(asked.headers["location"])
        assert "Show that it is you" in shown.text
        form = {"purpose": "authenticator_app", "next": hidden(shown.text, "next"), "code": "111111"}
        assert (await desk.post("/presence", data=form)).status_code == 400
        city.clock.ahead += timedelta(seconds=otp.STEP)
        form["code"] = otp.code_at(secret, otp.step_at(city.clock()) + 1)
        assert (await desk.post("/presence", data=form)).headers["location"] == "/security"
        assert (await desk.post("/security", data={"act": "app_off"})).headers["location"] == "/security?done=app_off"
        assert (await phone.get("/v1/me")).status_code == 401


async def test_she_signs_in_with_password_and_paper(city: City) -> None:
    async with city.browser(**here(city)) as desk, city.browser(**here(city)) as phone:
        await signed_in(city, desk)
        done = await desk.post("/security", data={"act": "set_password", "password": PASSWORD})
        assert done.headers["location"] == "/security?done=password_set"
        made = await desk.post("/security", data={"act": "make_codes"})
        codes = re.findall(r"\b(?:[0-9A-Z]{4}-){2}[0-9A-Z]{4}\b", made.text)
        assert len(codes) == 10
        assert codes[0] not in (await desk.get("/security")).text
        await city.forget_limits()
        form = {"phone": PHONE, "password": PASSWORD, "next": "//elsewhere.example"}
        asked = await phone.post("/sign-in/password", data=form)
        assert "We sent a six-digit code to 138****0001" in asked.text
        step = hidden(asked.text.partition('action="/sign-in/second-step"')[2], "step")
        form = {"step": step, "code": codes[0], "next": "/"}
        assert (await phone.post("/sign-in/second-step", data=form)).headers["location"] == "/"
        assert "9 codes left" in (await desk.get("/security")).text
        again = await phone.post("/sign-in/password", data={"phone": PHONE, "password": PASSWORD})
        assert "No further code can be sent" in again.text


async def test_a_wrong_password_is_told_beside_the_form(city: City) -> None:
    async with city.browser(**here(city)) as phone:
        assert "Sign in with a password" in (await phone.get("/sign-in/password")).text
        for number, status in ((PHONE, 400), ("12345", 400)):
            answer = await phone.post("/sign-in/password", data={"phone": number, "password": "wrong password"})
            assert answer.status_code == status
            assert "wrong password" not in answer.text
            assert f'value="{number}"' in answer.text
        elsewhere = {"origin": "https://elsewhere.example"}
        for path in ("/sign-in/password", "/sign-in/second-step"):
            assert (await phone.post(path, data={"phone": PHONE}, headers=elsewhere)).status_code == 403


async def test_what_cannot_be_done_is_told(city: City) -> None:
    async with city.browser(**here(city)) as browser:
        assert (await browser.get("/security")).headers["location"] == "/sign-in?next=%2Fsecurity"
        assert (await browser.post("/security", data={"act": "make_codes"})).status_code == 401
        await signed_in(city, browser)
        for form, status in (
            ({"act": "nothing"}, 404),
            ({"act": "app_off"}, 404),
            ({"act": "remove_password"}, 404),
            ({"act": "set_password", "password": "short"}, 400),
            ({"act": "set_password"}, 400),
        ):
            assert (await browser.post("/security", data=form)).status_code == status, form
        assert (await browser.get("/security/app")).headers["location"] == "/security"
        elsewhere = {"origin": "https://elsewhere.example"}
        refused = await browser.post("/security", data={"act": "make_codes"}, headers=elsewhere)
        assert refused.status_code == 403

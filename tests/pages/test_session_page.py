"""A resident sees and ends her sessions with forms alone."""

from tests.city import City
from tests.pages.test_sign_in_pages import here, hidden, signed_in


async def test_she_names_a_session_and_ends_all_others(city: City) -> None:
    async with city.browser(**here(city)) as phone, city.browser(**here(city)) as desk:
        for browser in (phone, desk):
            await signed_in(city, browser)
        shown = await phone.get("/sessions")
        newest = hidden(shown.text, "session_id")
        named = await phone.post("/sessions", data={"act": "rename", "session_id": newest, "name": "<b>Desk</b>"})
        assert named.headers["location"] == "/sessions"
        assert "&lt;b&gt;Desk&lt;/b&gt;" in (await phone.get("/sessions")).text
        assert (await phone.post("/sessions", data={"act": "end_others"})).status_code == 303
        assert (await desk.get("/v1/me")).status_code == 401
        assert (await phone.get("/sessions")).text.count('name="session_id"') == 1


async def test_she_ends_one_and_a_form_of_another_site_ends_none(city: City) -> None:
    async with city.browser(**here(city)) as phone, city.browser(**here(city)) as desk:
        for browser in (phone, desk):
            await signed_in(city, browser)
        form = {"act": "end", "session_id": hidden((await phone.get("/sessions")).text, "session_id"), "name": ""}
        elsewhere = {"origin": "https://elsewhere.example"}
        assert (await phone.post("/sessions", data=form, headers=elsewhere)).status_code == 403
        assert (await desk.get("/v1/me")).status_code == 200
        assert (await phone.post("/sessions", data=form)).status_code == 303
        assert (await desk.get("/v1/me")).status_code == 401


async def test_what_cannot_be_done_is_told(city: City) -> None:
    async with city.browser(**here(city)) as phone:
        assert (await phone.get("/sessions")).headers["location"] == "/sign-in?next=%2Fsessions"
        assert (await phone.post("/sessions", data={"act": "end_others"})).status_code == 401
        await signed_in(city, phone)
        session_id = hidden((await phone.get("/sessions")).text, "session_id")
        for form, status in (
            ({"act": "end", "session_id": "x"}, 404),
            ({"act": "end"}, 404),
            ({"act": "rename", "session_id": session_id, "name": "x" * 61}, 400),
            ({"act": "rename", "session_id": session_id, "name": "\u202ex"}, 400),
        ):
            assert (await phone.post("/sessions", data=form)).status_code == status

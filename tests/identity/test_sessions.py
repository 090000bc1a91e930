"""A session lasts while it is used, and is over everywhere when it is over."""

from datetime import timedelta
from functools import partial
from uuid import UUID

from app_server.identity.service import end_session
from app_server.identity.sessions import Sessions, lifespan, sessions_of
from app_server.kernel.crypto import token_hash
from tests.city import City
from tests.gateway.neighbours import eventually
from tests.identity.test_sign_in import PHONE, ask


async def opened(city: City) -> str:
    """The cookie of a new session."""
    challenge = await ask(city)
    async with city.browser() as browser:
        answer = {"challenge_id": challenge, "code": await city.last_code(PHONE)}
        await browser.post("/v1/sign-in/sessions", json=answer)
        return str(browser.cookies["banyan_session"])


async def session_id(city: City, cookie: str) -> UUID:
    (row,) = await city.rows("SELECT id FROM core_session WHERE token_hash = $1", token_hash(cookie))
    found: UUID = row["id"]
    return found


async def test_a_session_that_ended_in_one_process_is_over_in_another_within_two_seconds(city: City) -> None:
    cookie = await opened(city)
    async with lifespan(city.state) as other:
        elsewhere: Sessions = other["sessions"]
        assert await elsewhere.resolve(cookie) is not None
        ended = await session_id(city, cookie)
        await end_session(ended, state=city.state)
        await eventually(partial(elsewhere.has_ended, ended), within=2)
        assert await elsewhere.resolve(cookie) is None


async def test_a_browser_keeps_its_cookie_for_as_long_as_the_session_may_be_lengthened(city: City) -> None:
    challenge = await ask(city)
    async with city.browser() as browser:
        answer = {"challenge_id": challenge, "code": await city.last_code(PHONE)}
        sent = await browser.post("/v1/sign-in/sessions", json=answer)
    cookie = next(line for line in sent.headers.get_list("set-cookie") if line.startswith("banyan_session="))
    kept = timedelta(seconds=int(cookie.lower().partition("max-age=")[2].partition(";")[0]))
    assert kept == timedelta(days=400)  # longer than any `session_days`; the session itself ends by its last use


async def test_a_session_is_over_after_ninety_days_without_use_and_lives_on_with_it(city: City) -> None:
    used, forgotten = await opened(city), await opened(city)
    for days in (40, 80, 120):
        city.clock.ahead = timedelta(days=days)
        async with city.browser(cookie=f"banyan_session={used}") as browser:
            assert (await browser.get("/v1/me")).status_code == 200
    async with city.browser(cookie=f"banyan_session={forgotten}") as browser:
        assert (await browser.get("/v1/me")).status_code == 401
    assert await sessions_of(city.state).resolve(used) is not None

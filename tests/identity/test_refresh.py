"""Refresh tokens are traded, many at a time."""

import asyncio

from tests.actors import Person
from tests.city import City


async def renewed(person: Person) -> tuple[int, dict[str, str]]:
    """What the token endpoint says to the person's refresh token."""
    async with person.city.browser() as browser:
        form = {"grant_type": "refresh_token", "refresh_token": person.refresh_token}
        answer = await browser.post("/oauth/token", data=form)
        return answer.status_code, answer.json()


async def test_many_who_renew_at_once_each_get_their_own_session_back(city: City) -> None:
    people = [await city.person(f"+861380000{number:04}") for number in range(12)]
    answers = await asyncio.gather(*(renewed(person) for person in people for _ in range(4)))
    assert {status for status, _ in answers} == {200}
    for number, person in enumerate(people):
        mine = [body for _, body in answers[4 * number : 4 * number + 4]]
        assert len({body["refresh_token"] for body in mine}) == 1, "one trade, however often it is asked at once"
        person.http.headers["authorization"] = f"Bearer {mine[0]['access_token']}"
        assert (await person.get("/v1/me")).json()["id"] == person.id
    assert len(await city.rows("SELECT 1 FROM core_refresh_token WHERE used_at IS NULL")) == len(people)


async def test_a_trade_fails_alone(city: City) -> None:
    lin, chen, wu = [await city.person(f"+861380000{number:04}") for number in range(3)]
    await chen.delete("/v1/sign-in/sessions/current")
    await city.execute("UPDATE core_resident SET locked_at = now() WHERE id = $1::uuid", wu.id)
    answers = await asyncio.gather(*(renewed(person) for person in (lin, chen, wu)))
    assert [status for status, _ in answers] == [200, 400, 400]

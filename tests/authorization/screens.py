"""Screens without a keyboard, and the phones that let them in (RFC 8628)."""

from html import unescape
from re import findall, search
from typing import Any
from urllib.parse import urlsplit

import httpx2

from app_server.authorization.devices import DEVICE_GRANT
from tests.actors import Person
from tests.authorization.relying_parties import Browser
from tests.city import City


class Screen:
    """A screen of a client without a key: what it was told, and what it hears when it asks."""

    def __init__(self, city: City, client: str, **asked: str) -> None:
        self.city, self.client, self.asked = city, client, asked
        self.shows: dict[str, Any] = {}

    async def begins(self) -> "Screen":
        answer = await self._posts("/oauth/device_authorization", {"scope": "openid profile phone", **self.asked})
        assert answer.status_code == 200, answer.text
        self.shows = answer.json()
        return self

    async def polls(self, **changes: str) -> httpx2.Response:
        return await self._posts(
            "/oauth/token", {"grant_type": DEVICE_GRANT, "device_code": self.shows["device_code"], **changes}
        )

    async def hears(self, **changes: str) -> str:
        """The error's name, or `tokens`."""
        answer = await self.polls(**changes)
        return "tokens" if answer.status_code == 200 else str(answer.json()["error"])

    async def _posts(self, path: str, form: dict[str, str]) -> httpx2.Response:
        async with self.city.browser() as http:
            return await http.post(path, data={"client_id": self.client, **form})


class Phone(Browser):
    """A resident's browser, in front of a screen."""

    def __init__(self, city: City, person: Person | None = None) -> None:
        super().__init__(city, person)
        self.city = city

    async def scans(self, screen: Screen, **headers: str) -> httpx2.Response:
        """Open what the QR code says."""
        path = urlsplit(screen.shows["verification_uri_complete"]).path
        return await self._follow(await self.http.get(path, headers=headers))

    async def enters(self, screen: Screen, number: str | None = None) -> httpx2.Response:
        """The number beside the QR code, or another."""
        path = urlsplit(screen.shows["verification_uri_complete"]).path
        form = {"number": screen.shows["banyan_number"] if number is None else number}
        return await self._follow(await self.http.post(path, data=form))

    async def types(self, letters: str) -> httpx2.Response:
        """The letters of a screen."""
        return await self._follow(await self.http.post("/device", data={"user_code": letters}))

    async def lets_in(self, screen: Screen) -> httpx2.Response:
        """The number, then yes to everything."""
        return await self.presses(await self.enters(screen), answer="allow", **{"scope:phone": "on"})


def heading(page: httpx2.Response) -> str:
    """What the page is about."""
    found = search(r"<h1>(.*?)</h1>", page.text)
    assert found, page.text
    return unescape(found[1])


def banners(page: httpx2.Response) -> list[str]:
    """What the page warns of."""
    return [unescape(words) for words in findall(r'<p id="error">(.*?)</p>', page.text)]


def other_number(screen: Screen) -> str:
    """A number that the screen does not show."""
    return str(10 + (int(screen.shows["banyan_number"]) - 9) % 90)


async def phone_of(city: City, number: str) -> Phone:
    """The phone of somebody who has signed in."""
    person: Person = await city.person(number)
    return Phone(city, person)

"""Every way in which something ends, beside everything that hangs on it: what dies at once, what lives, who is told.

What a person or a program holds is tried in another process than the one where it ended.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import pytest

from app_server import wiring
from app_server.authorization import access_tokens, clients
from app_server.authorization.issuing import resident_token
from app_server.identity import sessions
from app_server.identity.locks import lock_resident
from app_server.identity.models import Passkey
from app_server.kernel.ids import uuid7
from app_server.kernel.state import AppState
from app_server.main import App
from tests.actors import Person
from tests.authorization.receivers import Receiver, receiver
from tests.authorization.relying_parties import CLINIC, PROMISE, registered
from tests.authorization.screens import Phone, Screen
from tests.authorization.test_back_channel import signs_in
from tests.city import City
from tests.factories import publish

OFFLINE = [*CLINIC["scopes"], {"scope": "offline_access", "required": True, **PROMISE}]
WITHIN = 5.0  # seconds until it is over in every process


@dataclass
class Held:
    """What hangs on one session of Lin's, and her other session, from which she may end it."""

    city: City
    elsewhere: City
    lin: Person
    phone: Person
    session_id: UUID
    clients: dict[str, str]
    passkey_id: UUID
    tokens: dict[str, str] = field(default_factory=dict)

    async def lives(self, what: str) -> bool:
        """Whether it opens anything, in the other process."""
        if what == "cookie":
            async with self.elsewhere.browser(cookie=f"banyan_session={self.lin.cookie}") as http:
                return (await http.get("/v1/me")).status_code == 200
        token = self.tokens[what]
        if what.endswith("refresh"):
            return await self.renew(what, self.elsewhere)
        path = "/v1/me" if what == "app" else "/oauth/userinfo"
        async with self.elsewhere.browser(authorization=f"Bearer {token}") as http:
            return (await http.get(path)).status_code == 200

    async def renew(self, what: str, city: City, token: str = "") -> bool:
        """Trade the refresh token for the next."""
        form = {"grant_type": "refresh_token", "refresh_token": token or self.tokens[what]}
        if what == "away refresh":
            form["client_id"] = self.clients["away"]
        async with city.browser() as http:
            answer = await http.post("/oauth/token", data=form)
        if answer.status_code == 200:
            self.tokens[what] = answer.json()["refresh_token"]
        return answer.status_code == 200

    async def takes_back(self, client: str, scope: str) -> None:
        for consent in (await self.phone.get("/v1/consents")).json()["items"]:
            if (consent["app_id"], consent["scope"]) == (self.clients[client], scope):
                assert (await self.phone.delete(f"/v1/consents/{consent['id']}")).status_code == 204

    async def copies(self, what: str) -> None:
        """Somebody uses a refresh token that was used a while ago."""
        first = self.tokens[what]
        assert await self.renew(what, self.city)
        self.city.clock.ahead += timedelta(minutes=1)
        assert not await self.renew(what, self.city, first)

    async def gives_back(self, client: str) -> None:
        async with self.city.browser() as http:
            form = {"client_id": self.clients[client], "token": self.tokens[client]}
            assert (await http.post("/oauth/revoke", data=form)).status_code == 200


@asynccontextmanager
async def another_process(city: City) -> AsyncIterator[City]:
    """The same city with memories of its own: what a process of it must learn, it has not heard here."""
    parts: dict[str, Any] = dict(city.state)
    state = cast(AppState, parts)
    async with sessions.lifespan(state) as own, access_tokens.lifespan(state) as known:
        parts.update(own)
        parts.update(known)
        parts["ports"] = wiring.ports(state)
        yield City(state, App(city.settings, city.clock), city.clock)


@pytest.fixture
async def hears() -> AsyncIterator[Receiver]:
    async with receiver() as made:
        yield made


@pytest.fixture
async def held(city: City, provider: Person, lin: Person, hears: Receiver) -> AsyncIterator[Held]:
    """Everything that hangs on the session that Lin has open at her desk."""
    await publish(city)
    more: dict[str, dict[str, Any]] = {
        "clinic": {},
        "away": {"scopes": OFFLINE},
        "kiosk": {"device_flow": True, "redirect_uris": []},
    }
    ids = {
        name: await registered(provider, backchannel_logout_uri=f"{hears.uri}?{name}", **each)
        for name, each in more.items()
    }
    (desk,) = await city.rows("SELECT id FROM core_session WHERE resident_id::text = $1", lin.id)
    phone = Person(city, lin.phone)
    await phone.sign_in()
    passkey = await Passkey.create(
        resident_id=UUID(lin.id), credential_id="c", public_key=b"k", sign_count=0, created_at=city.clock()
    )
    await city.execute("UPDATE core_session SET passkey_id = $2 WHERE id = $1", desk["id"], passkey.id)
    async with another_process(city) as elsewhere:
        has = Held(city, elsewhere, lin, phone, desk["id"], ids, passkey.id)
        library = city.state["ports"].clients.find("library")
        assert library is not None
        has.tokens["app"] = lin.http.headers["authorization"].removeprefix("Bearer ")
        has.tokens["app refresh"] = lin.refresh_token
        has.tokens["launch"] = resident_token(
            library,
            frozenset(),
            resident_id=UUID(lin.id),
            session_id=desk["id"],
            launch_id=uuid7(),
            jkt=None,
            state=city.state,
        )
        has.tokens["clinic"] = (await signs_in(city, ids["clinic"], lin))["access_token"]
        away = await signs_in(city, ids["away"], lin, "openid profile offline_access")
        has.tokens |= {"away": away["access_token"], "away refresh": away["refresh_token"]}
        screen = await Screen(city, ids["kiosk"]).begins()
        await Phone(city, lin).lets_in(screen)
        has.tokens["kiosk"] = (await screen.polls()).json()["access_token"]
        yield has


async def signs_out(held: Held) -> None:
    assert (await held.lin.delete("/v1/sign-in/sessions/current")).status_code == 204


async def is_ended_from_her_phone(held: Held) -> None:
    assert (await held.phone.delete(f"/v1/sessions/{held.session_id}")).status_code == 204


async def all_others_are_ended(held: Held) -> None:
    assert (await held.phone.delete("/v1/sessions/others")).status_code == 204


async def its_passkey_is_removed(held: Held) -> None:
    assert (await held.phone.delete(f"/v1/passkeys/{held.passkey_id}")).status_code == 204


async def its_refresh_token_was_copied(held: Held) -> None:
    await held.copies("app refresh")


async def her_account_is_locked(held: Held) -> None:
    await lock_resident(UUID(held.lin.id), reason="stolen", by="a test", now=held.city.clock())


async def she_takes_the_clinics_consent_back(held: Held) -> None:
    await held.takes_back("clinic", "openid")


async def she_takes_back_what_goes_on_while_she_is_away(held: Held) -> None:
    await held.takes_back("away", "offline_access")


async def a_clients_refresh_token_was_copied(held: Held) -> None:
    await held.copies("away refresh")


async def a_client_gives_its_token_back(held: Held) -> None:
    await held.gives_back("clinic")


async def the_city_closes_a_client(held: Held) -> None:
    await clients.close(held.clients["clinic"], reason="harm", by="a test", now=held.city.clock())


DESK = {"cookie", "app", "app refresh", "launch", "clinic", "kiosk"}
AWAY = {"away", "away refresh"}
TOLD = {"clinic", "away", "kiosk"}
Ending = Callable[[Held], Awaitable[None]]

ENDINGS: list[tuple[Ending, set[str], set[str]]] = [  # what dies, and who is told
    (signs_out, DESK, TOLD),
    (is_ended_from_her_phone, DESK, TOLD),
    (all_others_are_ended, DESK, TOLD),
    (its_passkey_is_removed, DESK, TOLD),
    (its_refresh_token_was_copied, DESK, TOLD),
    (her_account_is_locked, DESK | AWAY, TOLD),
    (she_takes_the_clinics_consent_back, {"clinic"}, {"clinic"}),
    (she_takes_back_what_goes_on_while_she_is_away, AWAY, {"away"}),
    (a_clients_refresh_token_was_copied, AWAY, {"away"}),
    (a_client_gives_its_token_back, {"clinic"}, set()),
    (the_city_closes_a_client, {"clinic"}, set()),
]


@pytest.mark.parametrize(("ending", "dies", "told"), ENDINGS, ids=[ending.__name__ for ending, _, _ in ENDINGS])
async def test_what_ends_ends_at_once_and_nothing_else(
    held: Held, hears: Receiver, ending: Ending, dies: set[str], told: set[str]
) -> None:
    everything = DESK | AWAY
    assert {what for what in everything if await held.lives(what)} == everything  # and the other process remembers it
    await ending(held)
    async with asyncio.timeout(WITHIN):
        left = set(dies)
        while left := {what for what in left if await held.lives(what)}:
            pass  # each look is a request
    assert {what for what in everything - dies if await held.lives(what)} == everything - dies
    assert not any([await held.lives(what) for what in dies])
    await held.city.work()
    named = {head.split(" ")[1].partition("?")[2] for head in hears.heads}
    assert named == told
    assert len(hears.heads) == len(told)

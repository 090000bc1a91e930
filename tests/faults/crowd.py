"""People at work in the city: they sign in, borrow, show cards, are told things; every "yes" goes into the journal."""

import asyncio
import base64
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from miniapp_library.catalogue import shelves

from tests.faults.journal import Journal
from tests.faults.outside import PAUSE, Outside, Phones
from tests.faults.town import Town

BOOKS = [book.id for book in shelves().books]
LIBRARY_SCOPES = ["profile:read", "cards:issue", "notices:send"]
POOL_SCOPES = ["cards:issue", "notices:send"]


class Visitor:
    """One resident's day, from the first sign-in on. Whatever is acknowledged is written down before the next step."""

    def __init__(
        self, outside: Outside, phones: Phones, journal: Journal, dice: random.Random, desk_token: str
    ) -> None:
        self._outside, self._phones, self._journal = outside, phones, journal
        self._dice, self._desk_token = dice, desk_token
        self.id = ""
        self.phone = ""
        self.token = ""
        self.session_id = ""
        self._session = ""  # at the library
        self._loans: list[str] = []
        self._name = 0

    async def day(self) -> None:
        """Everything a resident does, in an order that makes sense."""
        await self.sign_in()
        await self.change_name()
        await self.allow("library", LIBRARY_SCOPES)
        await self.enter_library()
        for _ in range(2):
            await self.borrow()
        await self.allow("pool", POOL_SCOPES)
        await self.get_pool_card()
        await self.hear_from_pool()
        for _ in range(2):
            await self.show_library_card()
        await self.change_name()
        await self.give_back()
        await self.read_newest()
        await self.get_pool_card()
        if self._dice.random() < 0.7:
            await self.give_back()  # the rest stay out, but the shelves must not run empty
        if self._dice.random() < 0.5:
            await self.withdraw("library", "profile:read")

    async def sign_in(self) -> None:
        """With a number that nobody has used; who waits for too long for a code tries another one."""
        while True:
            self.phone = f"+8613{self._dice.randrange(10**9):09}"
            sent = await self._outside.ask("POST", "/v1/sign-in/challenges", json={"phone": self.phone})
            if sent is None or sent.status != 202:
                assert sent is None or sent.status in (429, 503), sent
                await asyncio.sleep(PAUSE)
                continue
            code = await self._phones.code(self.phone)
            if code is None:  # its worker was killed again and again; the comparison asks what became of it
                self._journal.write("code_awaited", challenge=sent.body["challenge_id"])
                continue
            answer = {"challenge_id": sent.body["challenge_id"], "code": code}
            opened = await self._outside.insist("POST", "/v1/sign-in/sessions", json=answer)
            if opened.status == 201:
                break
            assert opened.code == "challenge_over", opened  # the session is there, its answer was lost
        self.id, self.token = opened.body["resident"]["id"], opened.body["access_token"]
        self.session_id = _claims(self.token)["sid"]
        self._journal.write("sign_in", resident=self.id, phone=self.phone, session=self.session_id, token=self.token)

    async def change_name(self) -> None:
        """One change is one new version: If-Match tells a change that got through from one that did not."""
        while True:
            before = (await self._get("/v1/me")).body
            wanted = f"访客{self._name + 1}号 {self.phone[-4:]}"
            if before["name"] == wanted:  # the answer was lost, the change was not
                break
            changed = await self._outside.ask(
                "PATCH", "/v1/me", json={"name": wanted}, headers=self._me() | {"if-match": f'"{before["version"]}"'}
            )
            if changed is not None and changed.status == 200:
                break
            assert changed is None or changed.status >= 500, changed
            await asyncio.sleep(PAUSE)
        self._name += 1
        self._journal.write("profile", resident=self.id, name=wanted, changes=self._name)

    async def allow(self, app_id: str, scopes: list[str]) -> None:
        """Consent to what a mini-app asks."""
        answer = await self._post("/v1/consents", {"app_id": app_id, "scopes": scopes}, key=self._key())
        assert answer.status == 201, answer
        for scope in scopes:
            self._journal.write("consent", resident=self.id, app_id=app_id, scope=scope)

    async def enter_library(self) -> None:
        """Launch it and exchange the code, as its page does; a code that got lost is replaced by a new launch."""
        while True:
            launched = await self._post("/v1/miniapps/library/launch", {})
            assert launched.status == 201, launched
            query = parse_qs(urlsplit(launched.body["url"]).query)
            call = {"code": query["banyan_code"][0], "launch_id": query["banyan_launch"][0]}
            opened = await self._outside.ask("POST", "/.banyan/session", app="library", json=call)
            if opened is not None and opened.status == 200:
                break
            await asyncio.sleep(PAUSE)
        self._session, self.sub = opened.body["session"], opened.body["sub"]
        self._journal.write("launch", resident=self.id, launch_id=call["launch_id"], session=self._session)

    async def borrow(self) -> None:
        """Any book of which a copy is there."""
        while True:
            key = self._key()
            lent = await self._at_library("/api/loans", {"book_id": self._dice.choice(BOOKS)}, key=key)
            if lent.status == 201:
                break
            assert lent.code in ("no_copy_left", "already_borrowed"), lent
        self._loans.append(lent.body["id"])
        self._journal.write("borrow", resident=self.id, sub=self.sub, key=key, loan=lent.body["id"])

    async def give_back(self) -> None:
        """Return one book."""
        loan = self._loans.pop()
        answer = await self._at_library(f"/api/loans/{loan}/return", {})
        assert answer.status == 200, answer
        self._journal.write("return", resident=self.id, loan=loan)

    async def get_pool_card(self) -> None:
        """The pool issues its card, or brings it up to date."""
        lane = self._dice.randrange(1, 9)
        card = {"sub": self.pool_sub(), "type": "pool-card", "number": self.phone, "fields": {"lane": str(lane)}}
        key = self._key()
        answer = await self._outside.as_pool("/v1/cards", card, key=key)
        assert answer.status == 201, answer
        self._journal.write("card", resident=self.id, key=key, id=answer.body["id"], version=answer.body["version"])

    async def hear_from_pool(self) -> None:
        """The pool sends a notice."""
        notice = {"sub": self.pool_sub(), "template": "open", "data": {"lane": "3"}}
        key = self._key()
        answer = await self._outside.as_pool("/v1/notices", notice, key=key)
        assert answer.status == 202, answer
        self._journal.write("notice", resident=self.id, key=key, id=answer.body["id"])

    async def show_library_card(self) -> None:
        """The library's desk scans it; a code that was used up without an answer is replaced by the next one."""
        card = await self.library_card()
        while True:
            shown = await self._get(f"/v1/cards/{card}/code")
            assert shown.status == 200, shown
            key = self._key()
            headers = {"authorization": f"Bearer {self._desk_token}", "idempotency-key": key}
            seen = await self._outside.insist(
                "POST", "/v1/verifications", json={"code": shown.body["text"]}, headers=headers
            )
            if seen.status == 201:
                break
            assert seen.code in ("card_code_already_used", "card_code_stale"), seen
        self._journal.write("scan", resident=self.id, key=key, id=seen.body["id"])

    async def read_newest(self) -> None:
        """Look into the inbox and mark the newest notice as read."""
        inbox = await self._get("/v1/inbox")
        newest = inbox.body["items"][0]["id"]
        answer = await self._post(f"/v1/inbox/{newest}/read", {})
        assert answer.status == 204, answer
        self._journal.write("read", resident=self.id, id=newest)

    async def withdraw(self, app_id: str, scope: str) -> None:
        """Take a scope back."""
        standing = (await self._get("/v1/consents")).body["items"]
        consent = next(each["id"] for each in standing if (each["app_id"], each["scope"]) == (app_id, scope))
        answer = await self._outside.insist("DELETE", f"/v1/consents/{consent}", headers=self._me())
        assert answer.status == 204, answer
        self._journal.write("withdrawal", resident=self.id, consent=consent, app_id=app_id, sub=self.sub, scope=scope)

    async def library_card(self) -> str:
        """The id of the library card, once it has arrived in the wallet."""
        while True:
            for card in (await self._get("/v1/cards")).body["items"]:
                if card["type"] == "library-card":
                    return str(card["id"])
            await asyncio.sleep(0.3)

    async def _at_library(self, path: str, body: dict[str, Any], key: str = "") -> Any:
        while True:
            headers = {"authorization": f"Bearer {self._session}"} | ({"idempotency-key": key} if key else {})
            answer = await self._outside.insist("POST", path, app="library", json=body, headers=headers)
            if answer.status != 401:
                return answer
            await self.enter_library()

    async def _get(self, path: str) -> Any:
        return await self._outside.insist("GET", path, headers=self._me())

    async def _post(self, path: str, body: dict[str, Any], key: str = "") -> Any:
        headers = self._me() | ({"idempotency-key": key} if key else {})
        return await self._outside.insist("POST", path, json=body, headers=headers)

    def _me(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    def pool_sub(self) -> str:
        """How the pool knows this resident."""
        return self._outside.town.keys.pairwise("pool", UUID(self.id))

    def _key(self) -> str:
        return f"{self._dice.getrandbits(96):024x}"


class Crowd:
    """Some visitors at once, each followed by the next, until told to stop."""

    def __init__(self, town: Town, journal: Journal, dice: random.Random, *, at_once: int = 10) -> None:
        self._town, self._journal, self._dice, self._at_once = town, journal, dice, at_once
        self._stopping = False
        self._people: list[asyncio.Task[None]] = []
        self.outside: Outside

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator["Crowd"]:
        """While the block runs new people keep coming; at its end those who are there finish their day."""
        async with Outside(self._town) as self.outside:
            desk, phones = await desk_token(self.outside), Phones(self.outside)
            self._people = [
                asyncio.create_task(self._visitors(phones, random.Random(self._dice.getrandbits(64)), desk))
                for _ in range(self._at_once)
            ]
            try:
                yield self
                self._stopping = True
                await asyncio.gather(*self._people)
            finally:
                for person in self._people:
                    person.cancel()
                await asyncio.gather(*self._people, return_exceptions=True)
                self._journal.repeats += self.outside.repeats

    async def until_acknowledged(self, more: int, within: float = 240) -> None:
        """Wait until the city has said yes so many more times."""
        wanted = self._journal.acknowledged + more

        def there() -> bool:
            for person in self._people:
                if person.done():
                    person.result()
            return self._journal.acknowledged >= wanted

        await self._town.until(there, within=within, what=f"{more} more acknowledged operations")

    async def _visitors(self, phones: Phones, dice: random.Random, desk: str) -> None:
        while not self._stopping:
            await Visitor(self.outside, phones, self._journal, dice, desk).day()


async def desk_token(outside: Outside) -> str:
    """The token of the library's desk, enrolled once in a town."""
    town = outside.town
    if not town.desk_token:
        made = await outside.insist("POST", "/v1/verifiers/enrolments", json={"code": town.enrolment_code})
        assert made.status == 201, made
        town.desk_token = made.body["token"]
    return town.desk_token


def _claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims

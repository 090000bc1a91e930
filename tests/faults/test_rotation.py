"""Keys rotate under a city at work: nobody notices."""

import asyncio
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from app_server.doctor import Health, keys_in_use
from app_server.kernel.key_file import KeyFile
from app_server.kernel.live_keys import LOOK_EVERY
from tests.faults.conftest import Size
from tests.faults.crowd import LIBRARY_SCOPES
from tests.faults.outside import Answer, Outside, Phones
from tests.faults.town import Town


class Crowd:
    """People who sign in, renew, ask with old tokens and enter the library, and who note every token's key."""

    def __init__(self, outside: Outside, dice: random.Random) -> None:
        self._outside, self._dice, self._phones = outside, dice, Phones(outside)
        self._tokens: list[str] = []
        self._renewing: list[str] = []  # refresh tokens, each with one holder at a time
        self.published: dict[str, float] = {}  # when a key was first seen in the JWKS
        self.signs: dict[str, float] = {}  # when it was first seen to sign
        self.done: Counter[str] = Counter()

    async def sign_in(self) -> None:
        """A new number, its code, a session; then consent, so that this person can enter the library."""
        phone = f"+8613{self._dice.randrange(10**9):09}"
        sent = await self._ask(202, "POST", "/v1/sign-in/challenges", json={"phone": phone})
        answer = {"challenge_id": sent.body["challenge_id"], "code": await self._phones.code(phone)}
        opened = await self._ask(201, "POST", "/v1/sign-in/sessions", json=answer)
        consent = {"app_id": "library", "scopes": LIBRARY_SCOPES}
        headers = _bearer(opened.body["access_token"]) | {"idempotency-key": f"{self._dice.getrandbits(128):032x}"}
        await self._ask(201, "POST", "/v1/consents", json=consent, headers=headers)
        self._note(opened.body["access_token"])
        self._renewing.append(opened.body["refresh_token"])

    async def renew(self) -> None:
        """Trade a refresh token for the next."""
        if self._renewing:
            form = {"grant_type": "refresh_token", "refresh_token": self._renewing.pop(0)}
            renewed = await self._ask(200, "POST", "/oauth/token", data=form)
            self._note(renewed.body["access_token"])
            self._renewing.append(renewed.body["refresh_token"])

    async def ask_who_i_am(self) -> None:
        """With a token of any age."""
        if self._tokens:
            await self._ask(200, "GET", "/v1/me", headers=_bearer(self._dice.choice(self._tokens)))

    async def enter_library(self) -> None:
        """A launch, and the exchange of its code by the mini-app, which checks the ID token with its own copy of the
        published keys."""
        if not self._tokens:
            return
        headers = _bearer(self._dice.choice(self._tokens))
        launched = await self._ask(201, "POST", "/v1/miniapps/library/launch", json={}, headers=headers)
        query = parse_qs(urlsplit(launched.body["url"]).query)
        call = {"code": query["banyan_code"][0], "launch_id": query["banyan_launch"][0]}
        await self._ask(200, "POST", "/.banyan/session", app="library", json=call)

    async def look_at_keys(self) -> None:
        """The key of every token that was ever given is published."""
        signed = set(self.signs)
        jwks = await self._ask(200, "GET", "/.well-known/jwks.json")
        assert int(jwks.headers["cache-control"].rpartition("=")[2]) == 5
        for key in jwks.body["keys"]:
            self.published.setdefault(key["kid"], time.monotonic())
        assert signed <= {key["kid"] for key in jwks.body["keys"]}

    def _note(self, token: str) -> None:
        self._tokens.append(token)
        self.signs.setdefault(jwt.get_unverified_header(token)["kid"], time.monotonic())

    async def _ask(self, status: int, method: str, path: str, **options: object) -> Answer:
        answer = await self._outside.ask(method, path, **options)  # type: ignore[arg-type]
        assert answer is not None, f"{method} {path}: no answer"
        assert answer.status == status, (method, path, answer)
        self.done[f"{method} {path}"] += 1
        return answer


async def rotate(town: Town) -> None:
    """`banyan keys rotate`, as on the city's own machine."""
    env = {**os.environ, **town.settings.to_env()}
    command = [sys.executable, "-P", "-m", "app_server.cli", "keys", "rotate"]
    process = await asyncio.create_subprocess_exec(*command, env=env, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    assert process.returncode == 0, said.decode()


@pytest.mark.timeout(600)
async def test_no_request_fails_while_the_keys_rotate(the_town: Town, dice: random.Random, size: Size) -> None:
    rounds = size.of(20) + 1
    async with Outside(the_town) as outside:
        crowd = Crowd(outside, dice)
        await crowd.look_at_keys()
        habits = [
            (crowd.sign_in, 0.5),
            (crowd.renew, 0.05),
            (crowd.ask_who_i_am, 0.02),
            (crowd.enter_library, 0.5),
            (crowd.look_at_keys, 0.1),
        ]
        at_work = [asyncio.create_task(_again_and_again(act, pause)) for act, pause in habits]
        for each in range(rounds):
            await rotate(the_town)
            newest = KeyFile.read(the_town.settings.key_file).signing[0].kid
            if each == 0:
                await _spoilt(the_town)
            await the_town.until(partial(_took_over, newest, crowd, at_work), within=30, what="the new key signs")
            failed = [task for task in at_work if task.done()]
            assert not failed, failed[0].exception()
        await asyncio.sleep(2 * LOOK_EVERY)
        for task in at_work:
            task.cancel()
        for task in at_work:
            with suppress(asyncio.CancelledError):
                await task
        assert outside.server_errors == []
    print(f"{rounds} rotations, {dict(crowd.done)}")
    assert len(crowd.signs) == rounds + 1
    first, *later = crowd.signs
    for kid in later:
        ahead = crowd.signs[kid] - crowd.published[kid]
        assert ahead >= the_town.settings.key_lead_seconds - 2 * LOOK_EVERY, (first, kid, ahead)


async def _spoilt(town: Town) -> None:
    """Somebody copies the file by hand, and half of it is there for a while: all go on, and the doctor says so."""
    path = town.settings.key_file
    assert [finding.health for finding in await keys_in_use(town.settings)] == [Health.WELL]
    whole = path.read_text()
    path.write_text(whole[: len(whole) // 2])
    await asyncio.sleep(2 * LOOK_EVERY)
    assert [finding.health for finding in await keys_in_use(town.settings)] == [Health.ILL]
    path.write_text(whole)
    assert [finding.health for finding in await keys_in_use(town.settings)] == [Health.WELL]
    for process in (town.web, town.worker, town.other_worker):
        told = [json.loads(line) for line in process.log.read_text().splitlines() if "key_file_refused" in line]
        assert len(told) == 1, process.name


def _took_over(kid: str, crowd: Crowd, at_work: list[asyncio.Task[None]]) -> bool:
    return kid in crowd.signs or any(task.done() for task in at_work)


async def _again_and_again(act: Callable[[], Awaitable[None]], pause: float) -> None:
    while True:
        await act()
        await asyncio.sleep(pause)


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}

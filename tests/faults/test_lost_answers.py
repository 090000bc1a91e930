"""The city is killed after it has kept a code's redemption and before it has answered: the client asks again."""

import asyncio
import random
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
import pytest

from app_server.kernel.clock import system_clock
from app_server.kernel.crypto import token_hash
from app_server.kernel.ids import uuid7
from tests.authorization.relying_parties import CHALLENGE, CLINIC, PLACE, PROMISE, VERIFIER
from tests.faults.conftest import Size
from tests.faults.journal import Journal
from tests.faults.outside import Answer, Outside
from tests.faults.residents import signed_in
from tests.faults.town import Town

ROUNDS, AT_ONCE = 20, 20
SCOPES = [{"scope": "offline_access", "required": True, **PROMISE}]


@dataclass(frozen=True)
class Clinic:
    """A client without a key, and a resident who allows it to act while she is away."""

    town: Town
    client_id: str
    resident_id: Any
    session_id: Any

    async def codes(self) -> list[str]:
        """What the authorization endpoint gave for her, some times."""
        codes = [secrets.token_urlsafe(32) for _ in range(AT_ONCE)]
        for code in codes:
            await self.town.execute(
                "INSERT INTO core_launch_code (id, code_hash, app_id, resident_id, session_id, launch_id, redirect_uri,"
                " code_challenge, scope, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                uuid7(),
                token_hash(code),
                self.client_id,
                self.resident_id,
                self.session_id,
                uuid7(),
                PLACE,
                CHALLENGE,
                "offline_access openid",
                system_clock() + timedelta(minutes=2),
            )
        return codes

    def trade(self, code: str) -> dict[str, Any]:
        """The form that redeems it."""
        form = {"grant_type": "authorization_code", "client_id": self.client_id, "code": code}
        return {"data": form | {"redirect_uri": PLACE, "code_verifier": VERIFIER}}


@pytest.mark.timeout(1800)
async def test_a_client_whose_answer_was_lost_gets_the_session_that_its_code_opened(
    the_town: Town, journal: Journal, size: Size, dice: random.Random
) -> None:
    lost = rounds = 0
    async with Outside(the_town) as outside:
        clinic = await _clinic(the_town, outside, journal, dice)
        while rounds < size.of(ROUNDS) or not lost:  # a kill may come too early or too late; one at least must not
            rounds += 1
            codes = await clinic.codes()
            asked = [asyncio.create_task(outside.ask("POST", "/oauth/token", **clinic.trade(code))) for code in codes]
            await _until_one_is_kept(the_town, codes)
            the_town.web.kill()
            answers = await asyncio.gather(*asked)
            the_town.web.start()
            await the_town.web.until_ready()
            lost += await _kept_and_not_answered(the_town, codes, answers)
            again = [await outside.insist("POST", "/oauth/token", **clinic.trade(code)) for code in codes]
            assert [answer.status for answer in again] == [200] * AT_ONCE, again
            for first, second in zip(answers, again, strict=True):
                assert first is None or first.body["refresh_token"] == second.body["refresh_token"]
            for answer in again:
                form = {"grant_type": "refresh_token", "client_id": clinic.client_id}
                form |= {"refresh_token": answer.body["refresh_token"]}
                assert (await outside.insist("POST", "/oauth/token", data=form)).status == 200
            opened = await the_town.rows("SELECT 1 FROM core_session WHERE client_id = $1", clinic.client_id)
            assert len(opened) == AT_ONCE * rounds
    print(f"{rounds} kills, {lost} answers lost after they were kept, {AT_ONCE * rounds} sessions for as many codes")


async def _clinic(town: Town, outside: Outside, journal: Journal, dice: random.Random) -> Clinic:
    visitor, client_id = await signed_in(outside, journal, dice), f"c_{dice.getrandbits(64):016x}"
    index = town.keys.blind_index("resident.phone", visitor.phone).hex()
    (row,) = await town.rows(
        "SELECT s.id, s.resident_id FROM core_session s JOIN core_resident r ON r.id = s.resident_id"
        " WHERE r.phone_index = $1",
        index,
    )
    await town.execute(
        "INSERT INTO core_registered_client (id, client_id, organisation_id, name, redirect_uris, proof, public_keys,"
        " scopes, version, created_at) VALUES ($1, $2, $3, $4, $5, 'none', '[]', $6, 1, now())",
        uuid7(),
        client_id,
        uuid7(),
        orjson.dumps(CLINIC["name"]).decode(),
        orjson.dumps([PLACE]).decode(),
        orjson.dumps(SCOPES).decode(),
    )
    for scope in ("openid", "offline_access"):
        await town.execute(
            "INSERT INTO core_consent (id, resident_id, app_id, sub, scope, granted_at)"
            " VALUES ($1, $2, $3, 'her', $4, now())",
            uuid7(),
            row["resident_id"],
            client_id,
            scope,
        )
    await town.web.killed_and_back()  # it reads the clients before it answers
    return Clinic(town, client_id, row["resident_id"], row["id"])


async def _until_one_is_kept(town: Town, codes: list[str]) -> None:
    sql = "SELECT 1 FROM core_launch_code WHERE code_hash = ANY($1) AND used_at IS NOT NULL"
    async with asyncio.timeout(60):
        while not await town.rows(sql, [token_hash(code) for code in codes]):
            pass


async def _kept_and_not_answered(town: Town, codes: list[str], answers: list[Answer | None]) -> int:
    unanswered = [token_hash(code) for code, answer in zip(codes, answers, strict=True) if answer is None]
    sql = "SELECT 1 FROM core_launch_code WHERE code_hash = ANY($1) AND used_at IS NOT NULL"
    return len(await town.rows(sql, unanswered))

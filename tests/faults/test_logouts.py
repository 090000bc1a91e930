"""Web and workers are killed while many people sign out: every service hears of every session that ended."""

import asyncio
import random
from urllib.parse import parse_qs
from uuid import UUID

import jwt
import pytest

from app_server.kernel.crypto import token_hash
from app_server.kernel.ids import uuid7
from tests.authorization.receivers import Receiver, receiver
from tests.faults.conftest import Size
from tests.faults.outside import Outside
from tests.faults.town import Town

KILLS, SIGN_OUTS = 30, 600
CLIENT = """
INSERT INTO core_registered_client (id, client_id, organisation_id, name, redirect_uris, proof, public_keys, scopes,
  backchannel_logout_uri, version, created_at)
SELECT $1, $2, id, '{"en": "Clinic"}', '[]', 'none', '[]', '[]', $3, 1, now() FROM registry_organisation LIMIT 1"""
SESSION = """
INSERT INTO core_session (id, resident_id, token_hash, user_agent, created_at, last_used_at, expires_at, client_id,
  parent_id, opened_in)
SELECT $1, r.id, $2, '', now(), now(), now() + interval '1 day', $3, $4, $4 FROM core_resident r LIMIT 1"""


@pytest.mark.timeout(1800)
async def test_no_logout_is_lost_when_processes_are_killed(the_town: Town, size: Size, dice: random.Random) -> None:
    async with receiver() as hears, Outside(the_town) as outside:
        people = await _signed_in(the_town, hears, size.of(SIGN_OUTS))
        tokens = list(people)
        share = len(tokens) // size.of(KILLS) + 1
        while tokens:
            some, tokens = tokens[:share], tokens[share:]
            leaving = [asyncio.create_task(_signs_out(outside, token)) for token in some]
            victim = dice.choice([the_town.web, the_town.worker, the_town.other_worker])
            await asyncio.sleep(dice.random() * 0.3)
            await victim.killed_and_back()
            await asyncio.gather(*leaving)
        await the_town.until_quiet()
    heard = [UUID(_sid(body)) for body in hears.bodies]
    assert set(heard) == set(people.values())
    unconfirmed = "SELECT 1 FROM core_logout_notice WHERE session_id = ANY($1) AND answer IS DISTINCT FROM 'confirmed'"
    assert await the_town.rows(unconfirmed, list(people.values())) == []
    print(f"{len(people)} sign-outs, {size.of(KILLS)} kills, 0 lost, {len(heard) - len(people)} told twice")


async def _signed_in(town: Town, hears: Receiver, many: int) -> dict[str, UUID]:
    """Cookies of sessions, each with the session that a clinic has in it."""
    client_id, found = f"c_{uuid7().hex[-16:]}", dict[str, UUID]()
    await town.execute(CLIENT, uuid7(), client_id, hears.uri)
    for _ in range(many):
        token, hers, clinics = f"bs_{uuid7()}", uuid7(), uuid7()
        await town.execute(SESSION, hers, token_hash(token), None, None)
        await town.execute(SESSION, clinics, f"no cookie {clinics}", client_id, hers)
        found[token] = clinics
    await asyncio.sleep(5)  # until every process knows the client
    return found


async def _signs_out(outside: Outside, token: str) -> None:
    """Until the city says that it is done, or that nobody is signed in there any more."""
    headers = {"authorization": f"Bearer {token}"}
    answer = await outside.insist("DELETE", "/v1/sign-in/sessions/current", headers=headers)
    assert answer.status in (204, 401), answer


def _sid(body: str) -> str:
    (token,) = parse_qs(body)["logout_token"]
    sid: str = jwt.decode(token, options={"verify_signature": False})["sid"]
    return sid

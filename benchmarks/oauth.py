"""Tokens: a launch code for tokens, and a refresh token for the next."""

import asyncio
import secrets
from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import asyncpg
from banyan_sdk import jose

from app_server.authorization.client_proof import ASSERTION_TYPE
from app_server.database import credentials
from app_server.kernel.clock import system_clock
from app_server.kernel.crypto import token_hash
from app_server.kernel.ids import uuid7
from benchmarks.findings import Finding, ratio
from benchmarks.measure import Contender, Effort, side_by_side
from benchmarks.servers import banyan, baseline
from benchmarks.town import Town, get, post

MOST = 2_500  # a second that no contender reaches
Row = dict[str, object]  # column → value
FORM = "application/x-www-form-urlencoded"


def run(town: Town, effort: Effort) -> list[Finding]:
    """Issuing beside its floor; rotating beside a bare reply and the way people first write it."""
    with (
        banyan(town.settings, town.logs) as server,
        baseline("floor", town.settings, town.logs) as floor,
        baseline("first_way", town.settings, town.logs) as first_way,
        baseline("bare", town.settings, town.logs) as bare,
    ):
        issued, least = side_by_side(
            [
                Contender(name="ours", server=server, requests=lambda s: launch_codes(town, s), once=True),
                Contender(name="the floor", server=floor, requests=lambda s: launch_codes(town, s), once=True),
            ],
            town.engine_pids,
            effort,
        )
        renewed, first, asgi = side_by_side(
            [
                Contender(name="ours", server=server, requests=lambda s: _refreshes(town, s), once=True),
                Contender(name="first way", server=first_way, requests=lambda s: _refreshes(town, s), once=True),
                Contender(name="bare ASGI", server=bare, requests=lambda _: [get("/bytes/900")]),
            ],
            town.engine_pids,
            effort,
        )
    return [
        ratio("code → tokens", "its floor: two signatures, two round trips", issued, least, at_least=0.5),
        ratio("refresh rotation", "a bare ASGI reply", renewed, asgi, at_least=0.25),
        ratio("refresh rotation", "the way people first write it", renewed, first, at_least=6),
    ]


def launch_codes(town: Town, seconds: float) -> list[str]:
    """Requests to exchange launch codes that are good now, each with its own assertion."""
    return asyncio.run(_plant_codes(town, int(MOST * seconds)))


async def _plant_codes(town: Town, count: int) -> list[str]:
    origin, expires_at = f"{town.settings.app_origin('library')}/", system_clock() + timedelta(seconds=60)
    rows, requests = list[Row](), []
    for number in range(count):
        citizen, code, launch_id = town.citizens[number % len(town.citizens)], secrets.token_urlsafe(32), uuid7()
        verifier = town.app_key.code_verifier(launch_id)
        rows.append(
            {
                "id": uuid7(),
                "code_hash": token_hash(code),
                "app_id": "library",
                "resident_id": citizen.id,
                "session_id": citizen.session_id,
                "launch_id": launch_id,
                "redirect_uri": origin,
                "code_challenge": jose.encode(sha256(verifier.encode()).digest()),
                "expires_at": expires_at,
            }
        )
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier, "redirect_uri": origin}
        form |= {"client_assertion_type": ASSERTION_TYPE}
        form |= {"client_assertion": town.app_key.client_assertion("library", town.settings.base_url)}
        requests.append(post("/oauth/token", FORM, urlencode(form)))
    await copy(town, core_launch_code=rows)
    return requests


def _refreshes(town: Town, seconds: float) -> list[str]:
    """Requests with refresh tokens that are good now, each of a session of its own."""
    return asyncio.run(_plant_refresh_tokens(town, int(MOST * seconds)))


async def _plant_refresh_tokens(town: Town, count: int) -> list[str]:
    now = system_clock()
    sessions, links, requests = list[Row](), list[Row](), []
    for number in range(count):
        session, token = uuid7(), secrets.token_urlsafe(32)
        sessions.append(
            {
                "id": session,
                "resident_id": town.citizens[number % len(town.citizens)].id,
                "token_hash": token_hash(f"cookie {token}"),
                "user_agent": "",
                "created_at": now,
                "last_used_at": now,
                "expires_at": now + timedelta(days=90),
            }
        )
        links.append({"id": uuid7(), "session_id": session, "token_hash": token_hash(token), "created_at": now})
        form = {"grant_type": "refresh_token", "refresh_token": token}
        requests.append(post("/oauth/token", FORM, urlencode(form)))
    await copy(town, core_session=sessions, core_refresh_token=links)
    return requests


async def copy(town: Town, **tables: Sequence[Row]) -> None:
    """Fill tables, and tell PostgreSQL at once how large they are, which autovacuum would do within a minute."""
    connection: Any = await asyncpg.connect(**credentials(town.settings.database_url))
    for table, rows in tables.items():
        records = [tuple(row.values()) for row in rows]
        await connection.copy_records_to_table(table, columns=list(rows[0]), records=records)
        await connection.execute(f"ANALYZE {table}")
    await connection.close()

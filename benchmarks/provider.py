"""The login beside what others would pick: tokens beside npm `oidc-provider`; metadata; a sign-in by code."""

import asyncio
import json
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import asyncpg
from banyan_sdk import jose

from app_server.authorization.client_proof import ASSERTION_TYPE
from app_server.database import credentials
from app_server.embedded.processes import free_port
from app_server.kernel.clock import system_clock
from app_server.kernel.ids import uuid7
from benchmarks.findings import Finding, ratio
from benchmarks.measure import Contender, Effort, side_by_side
from benchmarks.oauth import FORM, MOST, Row, copy, launch_codes
from benchmarks.servers import Server, banyan, baseline, running
from benchmarks.town import Town, get, post

HERE = Path(__file__).parent / "baselines"
MODELS = """
CREATE TABLE other_model (
  kind text, id text, payload jsonb NOT NULL, grant_id text, consumed_at timestamptz, expires_at timestamptz,
  PRIMARY KEY (kind, id))
"""
CODE = "123456"
SIGN_INS = 1_200  # a second that no contender reaches


def run(town: Town, effort: Effort) -> list[Finding]:
    """The same engine, the same kinds of signature, the same client's proof."""
    with (
        banyan(town.settings, town.logs) as server,
        baseline("bare", town.settings, town.logs) as bare,
        _other(town) as other,
    ):
        issued, theirs = side_by_side(
            [
                Contender(name="ours", server=server, requests=lambda s: launch_codes(town, s), once=True),
                Contender(name="oidc-provider", server=other, requests=lambda s: _codes(town, other, s), once=True),
            ],
            town.engine_pids,
            effort,
        )
        found, asgi = side_by_side(
            [
                Contender(name="ours", server=server, requests=lambda _: [get("/.well-known/openid-configuration")]),
                Contender(name="bare ASGI", server=bare, requests=lambda _: [get("/bytes/3000")]),
            ],
            town.engine_pids,
            effort,
        )
        keys, key_bytes = side_by_side(
            [
                Contender(name="ours", server=server, requests=lambda _: [get("/.well-known/jwks.json")]),
                Contender(name="bare ASGI", server=bare, requests=lambda _: [get("/bytes/600")]),
            ],
            town.engine_pids,
            effort,
        )
        signed_in, reply = side_by_side(
            [
                Contender(name="ours", server=server, requests=lambda s: _sign_ins(town, s), once=True),
                Contender(name="bare ASGI", server=bare, requests=lambda _: [get("/bytes/900")]),
            ],
            town.engine_pids,
            effort,
        )
    return [
        ratio("code → tokens", "npm oidc-provider on the same PostgreSQL", issued, theirs, at_least=2),
        ratio("discovery", "a bare ASGI reply of its size", found, asgi),
        ratio("the city's public keys", "a bare ASGI reply of their size", keys, key_bytes),
        ratio("a phone code for a session", "a bare ASGI reply", signed_in, reply),
    ]


@contextmanager
def _other(town: Town) -> Iterator[Server]:
    """npm `oidc-provider` with a table of its own, and the library's client."""
    if not (HERE / "node_modules").exists():
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=HERE, check=True)
    asyncio.run(_table(town))
    at, port = credentials(town.settings.database_url), free_port()
    env = {
        "CLIENT": "library",
        "PLACE": _place(town),
        "KEY": json.dumps(town.app_key.public_jwk()),
        "PGHOST": at["host"],
        "PGPORT": str(at["port"]),
        "PGUSER": at["user"],
        "PGPASSWORD": at["password"] or "",
        "PGDATABASE": at["database"],
        "NODE_ENV": "production",
    }
    command = ["node", str(HERE / "oidc_provider.mjs"), str(port)]
    with running(command, env, town.logs / "oidc_provider.log", port, "/healthz") as server:
        yield server


def _place(town: Town) -> str:
    return f"{town.settings.app_origin('library')}/"


async def _table(town: Town) -> None:
    connection: Any = await asyncpg.connect(**credentials(town.settings.database_url))
    await connection.execute(MODELS)
    await connection.close()


def _codes(town: Town, other: Server, seconds: float) -> list[str]:
    """Requests to exchange codes that it gave, as it keeps them, each with its own assertion."""
    return asyncio.run(_plant_codes(town, other, int(MOST * seconds)))


async def _plant_codes(town: Town, other: Server, count: int) -> list[str]:
    now, issuer = system_clock(), f"http://localhost:{other.port}"
    iat, exp = int(now.timestamp()), int(now.timestamp()) + 60
    rows, requests = list[Row](), list[str]()
    for number in range(count):
        code, grant, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        citizen = str(town.citizens[number % len(town.citizens)].id)
        common = {"accountId": citizen, "clientId": "library", "iat": iat, "exp": exp}
        kept: dict[str, dict[str, Any]] = {
            "Grant": {"jti": grant, "openid": {"scope": "openid profile"}, "resources": {issuer: "profile"}},
            "AuthorizationCode": {
                "jti": code,
                "authTime": iat,
                "codeChallenge": jose.encode(sha256(verifier.encode()).digest()),
                "codeChallengeMethod": "S256",
                "grantId": grant,
                "redirectUri": _place(town),
                "resource": issuer,
                "scope": "openid profile",
            },
        }
        for kind, payload in kept.items():
            rows.append(
                {
                    "kind": kind,
                    "id": payload["jti"],
                    "payload": json.dumps({"kind": kind, **common, **payload}),
                    "grant_id": grant,
                    "expires_at": now + timedelta(seconds=60),
                }
            )
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
        form |= {"redirect_uri": _place(town), "client_assertion_type": ASSERTION_TYPE, "client_id": "library"}
        form |= {"client_assertion": town.app_key.client_assertion("library", issuer)}
        requests.append(post("/token", FORM, urlencode(form)))
    await copy(town, other_model=rows)
    return requests


def _sign_ins(town: Town, seconds: float) -> list[str]:
    """Requests that trade a phone's code for a session: half of them of people who were never here."""
    return asyncio.run(_plant_challenges(town, int(SIGN_INS * seconds)))


async def _plant_challenges(town: Town, count: int) -> list[str]:
    now, rows, requests = system_clock(), list[Row](), list[str]()
    for number in range(count):
        challenge, phone = uuid7(), f"+86138{number % (2 * len(town.citizens)):08}"
        rows.append(
            {
                "id": challenge,
                "phone_index": town.keys.blind_index("resident.phone", phone).hex(),
                "phone_sealed": town.keys.seal("challenge.phone", phone),
                "code_hash": town.keys.blind_index("challenge.code", f"{challenge}\0{CODE}").hex(),
                "locale": "en",
                "attempts": 0,
                "expires_at": now + timedelta(minutes=5),
                "created_at": now,
            }
        )
        body = json.dumps({"challenge_id": str(challenge), "code": CODE})
        requests.append(post("/v1/sign-in/sessions", "application/json", body, f"origin: {town.settings.base_url}"))
    await copy(town, core_sign_in_challenge=rows)
    return requests

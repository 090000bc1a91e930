"""The least that issuing tokens can cost: two ES256 signatures, two round trips to PostgreSQL.

The two round trips are the redemption of the code, which commits, and the reading of what the resident granted. Nobody
checks who the client is: its assertion's signature alone would cost more than both of ours.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app_server.database import credentials
from app_server.kernel.crypto import KeyRing, token_hash
from app_server.kernel.settings import Settings

CLAIMS = b"x" * 600  # as much as the header and claims of one of our tokens

key: EllipticCurvePrivateKey
pool: Any  # asyncpg.Pool, which takes no parameter at run time


async def token(request: Request) -> Response:
    """POST /oauth/token."""
    form = parse_qs((await request.body()).decode())
    row = await pool.fetchrow(
        "UPDATE core_launch_code SET used_at = $2 WHERE code_hash = $1 AND used_at IS NULL"
        " RETURNING resident_id, app_id",
        token_hash(form["code"][0]),
        datetime.now(UTC),
    )
    scopes = await pool.fetch(
        "SELECT scope FROM core_consent WHERE resident_id = $1 AND app_id = $2 AND withdrawn_at IS NULL",
        row["resident_id"],
        row["app_id"],
    )
    signatures = [key.sign(CLAIMS, ECDSA(SHA256())).hex() for _ in range(2)]
    return JSONResponse({"access_token": signatures[0], "id_token": signatures[1], "scope": len(scopes)})


def app() -> Starlette:
    """The application."""
    routes = [Route("/healthz", _healthz), Route("/oauth/token", token, methods=["POST"])]
    return Starlette(lifespan=_open, routes=routes)


@asynccontextmanager
async def _open(app: Starlette) -> AsyncIterator[None]:
    global key, pool
    settings = Settings.from_env()
    signing = KeyRing.load(settings.key_file).signing_key.private
    assert isinstance(signing, EllipticCurvePrivateKey)
    key = signing
    async with asyncpg.create_pool(
        **credentials(settings.database_url),
        max_size=settings.database_pool,
        reset=_keep,
        server_settings={"jit": "off"},
    ) as pool:
        yield


async def _keep(connection: object) -> None:
    """No reset: it would be a round trip."""


async def _healthz(request: Request) -> Response:
    return Response()

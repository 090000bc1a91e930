"""The hot routes as a careful engineer would write them by hand: Starlette, asyncpg, redis-py, and nothing between.

They do what ours do: the same check of the same tokens (each remembered after the first time), the same statements on
the same tables, the same sealing, the same answers. What they leave out is our frame, and that many requests share one
query or one commit. Statements are prepared and connections are not reset, as in ours.
"""

import base64
import hashlib
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import jwt
import orjson
from base45 import b45decode, b45encode
from cbor2 import dumps, loads
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app_server.database import credentials
from app_server.kernel.crypto import KeyRing
from app_server.kernel.ids import uuid7
from app_server.kernel.settings import Settings

READER_REMEMBERED = 3.0  # seconds, as in ours

settings: Settings
keys: KeyRing
pool: Any  # asyncpg.Pool, which takes no parameter at run time
redis: Any
tokens: dict[str, dict[str, Any]] = {}
readers: dict[str, tuple[float, Any]] = {}


async def me(request: Request) -> Response:
    """GET /v1/me."""
    resident_id = UUID(_claims(request)["sub"])
    row = await pool.fetchrow(
        "SELECT r.id, r.phone_sealed, r.name_sealed, r.locale, r.theme, r.elder_mode, r.roles, r.version, r.created_at,"
        " d.code, d.name, d.name_en FROM core_resident r LEFT JOIN core_district d ON d.code = r.district_code"
        " WHERE r.id = $1",
        resident_id,
    )
    phone = keys.open("resident.phone", row["phone_sealed"])
    profile = {
        "id": row["id"],
        "name": keys.open("resident.name", row["name_sealed"]) if row["name_sealed"] else None,
        "phone_masked": f"{phone[3:6]}****{phone[-4:]}",
        "locale": row["locale"],
        "theme": row["theme"],
        "elder_mode": row["elder_mode"],
        "district": {"code": row["code"], "name": row["name"], "name_en": row["name_en"]} if row["code"] else None,
        "roles": orjson.loads(row["roles"]),
        "created_at": row["created_at"],
        "version": row["version"],
    }
    return _json(profile, headers={"cache-control": "no-store", "etag": f'"{row["version"]}"'})


async def show(request: Request) -> Response:
    """GET /v1/cards/{id}/code."""
    resident_id, now = UUID(_claims(request)["sub"]), datetime.now(UTC)
    card = await pool.fetchrow(
        "SELECT id, resident_id, app_id, type, status, expires_at FROM card_wallet_card WHERE id = $1",
        UUID(request.path_params["id"]),
    )
    if card is None or card["resident_id"] != resident_id or card["status"] != "active":
        return Response(status_code=404)
    entry = f"live:{card['id'].hex}:{resident_id.hex}:{int(now.timestamp())}:{card['app_id']}:{card['type']}"
    while True:
        digits = f"{secrets.randbelow(10**11):011d}"
        spoken = f"{digits}{-_luhn(digits + '0') % 10}"
        handle = keys.blind_index("card_wallet.handle", spoken)[:16]
        if await redis.set(f"card:shown:{handle.hex()}", entry, nx=True, ex=60):
            break
    text = "BC1:" + b45encode(dumps([1, "H", handle])).decode()
    code = {"text": text, "spoken": spoken, "issued_at": now, "expires_at": now + timedelta(seconds=60)}
    return _json(code | {"refresh_in": 15}, headers={"cache-control": "no-store"})


async def verify(request: Request) -> Response:
    """POST /v1/verifications."""
    reader = await _reader(request)
    text = orjson.loads(await request.body())["code"]
    _, _, handle = loads(b45decode(text.removeprefix("BC1:")))
    presentation_id, now = uuid7(), datetime.now(UTC)
    mine = f"used:{reader['id'].hex}:{presentation_id.hex}"
    before = await redis.set(f"card:shown:{handle.hex()}", mine, xx=True, get=True, ex=90)
    if before is None or not before.startswith(b"live:"):
        return Response(status_code=409)
    _, card_hex, resident_hex, _, app_id, card_type = before.decode().split(":", 5)
    card_id, resident_id, names = UUID(hex=card_hex), UUID(hex=resident_hex), ["holder_name", "card_number"]
    if app_id != reader["app_id"]:
        return Response(status_code=422)
    async with pool.acquire() as connection, connection.transaction():
        card = await connection.fetchrow(
            "SELECT status, expires_at, sealed_fields FROM card_wallet_card WHERE id = $1 AND resident_id = $2",
            card_id,
            resident_id,
        )
        if card is None or card["status"] != "active":
            return Response(status_code=422)
        await connection.execute(
            "INSERT INTO card_wallet_presentation (id, at, resident_id, card_id, card_type, app_id, verifier_id,"
            " verifier_name, place, role, form, shown_fields, idempotency_key, fingerprint)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'handle', $11, $12, $13)",
            *(presentation_id, now, resident_id, card_id, card_type, app_id, reader["id"], reader["name"]),
            *(reader["place"], reader["role"], names, str(presentation_id), hashlib.sha256(handle).digest()),
        )
        await connection.execute(
            "INSERT INTO core_outbox_event (id, name, payload, created_at) VALUES ($1, $2, $3, $4)",
            uuid7(),
            "card_presented",
            _event(presentation_id, card_id, resident_id, card_type, reader, names, now),
            now,
        )
    sealed = orjson.loads(card["sealed_fields"])
    fields = [
        {
            "name": name,
            "label": name,
            "value": keys.open(f"card_wallet_card.sealed_fields.{name}", base64.b64decode(sealed[name])),
        }
        for name in names
    ]
    seen = {"id": presentation_id, "at": now, "card": {"type": card_type, "title": "Library card", "status": "active"}}
    return _json(
        seen | {"fields": fields, "verifier": {"name": reader["name"], "place": reader["place"]}},
        status=201,
        headers={"cache-control": "no-store"},
    )


def app() -> Starlette:
    """The application."""
    return Starlette(
        lifespan=_open,
        routes=[
            Route("/healthz", _healthz),
            Route("/v1/me", me),
            Route("/v1/cards/{id}/code", show),
            Route("/v1/verifications", verify, methods=["POST"]),
        ],
    )


@asynccontextmanager
async def _open(app: Starlette) -> AsyncIterator[None]:
    global settings, keys, pool, redis
    settings = Settings.from_env()
    keys = KeyRing.load(settings.key_file)
    redis = Redis.from_url(settings.redis_url)
    async with asyncpg.create_pool(
        **credentials(settings.database_url),
        max_size=settings.database_pool,
        reset=_keep,
        server_settings={"jit": "off"},
    ) as pool:
        yield
    await redis.aclose()


async def _keep(connection: object) -> None:
    """No reset: it would be a round trip."""


async def _healthz(request: Request) -> Response:
    return Response()


def _claims(request: Request) -> dict[str, Any]:
    token = request.headers["authorization"].removeprefix("Bearer ")
    claims = tokens.get(token)
    if claims is None:
        public_key = keys.signing_key.private.public_key()
        issuer = settings.base_url
        claims = jwt.decode(token, public_key, algorithms=["ES256"], audience=issuer, issuer=issuer)
        tokens[token] = claims
    if claims["exp"] < time.time():
        raise PermissionError
    return claims


async def _reader(request: Request) -> Any:
    token = request.headers["authorization"].removeprefix("Bearer ")
    seen = readers.get(token)
    if seen is None or seen[0] < time.time():
        row = await pool.fetchrow(
            "SELECT id, name, place, app_id, role FROM card_wallet_verifier"
            " WHERE token_hash = $1 AND removed_at IS NULL",
            hashlib.sha256(token.encode()).hexdigest(),
        )
        seen = readers[token] = (time.time() + READER_REMEMBERED, row)
    return seen[1]


def _json(content: object, *, status: int = 200, headers: dict[str, str]) -> Response:
    return Response(
        orjson.dumps(content, default=str), status_code=status, headers=headers, media_type="application/json"
    )


def _luhn(digits: str) -> int:
    doubled = (2 * int(digit) for digit in digits[-2::-2])
    return sum(map(int, digits[::-2])) + sum(value - 9 if value > 9 else value for value in doubled)


def _event(
    presentation_id: UUID, card_id: UUID, resident_id: UUID, card_type: str, reader: Any, names: list[str], at: datetime
) -> str:
    event = {
        "presentation_id": presentation_id,
        "card_id": card_id,
        "resident_id": resident_id,
        "app_id": reader["app_id"],
        "card_type": card_type,
        "title": {"en": "Library card", "zh-CN": "借书证"},
        "verifier_id": reader["id"],
        "verifier_name": reader["name"],
        "place": reader["place"],
        "role": reader["role"],
        "purpose": "card_check",
        "fields": names,
        "at": at,
    }
    return orjson.dumps(event, default=str).decode()

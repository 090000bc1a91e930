"""The inbox and the refresh of a session as people first write them: the ORM, redis-py one command after the other.

Nothing here is silly: it is what the tutorials show. Middleware in Starlette's own style checks the token and a rate
limit, the ORM loads objects, each question to Redis is a round trip, and `json` writes the answer.
"""

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import jwt
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tortoise import Tortoise
from tortoise.transactions import in_transaction

from app_server.database import database_config
from app_server.identity.models import RefreshToken, Resident
from app_server.kernel.crypto import KeyRing, token_hash
from app_server.kernel.settings import Settings
from app_server.registry.models import Listing, Release
from notifications.models import TEXTS, Inbox, Message

settings: Settings
keys: KeyRing
redis: Any


class Authenticated(BaseHTTPMiddleware):
    """Who is asking."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Check the token, that its session is not revoked, and load its resident."""
        if authorization := request.headers.get("authorization"):
            public_key, issuer = keys.signing_key.private.public_key(), settings.base_url
            token = authorization.removeprefix("Bearer ")
            claims = jwt.decode(token, public_key, algorithms=["ES256"], audience=issuer, issuer=issuer)
            if await redis.get(f"revoked:{claims['sid']}"):
                return Response(status_code=401)
            request.state.resident = await Resident.get(id=UUID(claims["sub"]))
        return await call_next(request)


class Limited(BaseHTTPMiddleware):
    """How often one may ask."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Count in a window of a minute."""
        key = f"rate:{request.headers.get('authorization', request.url.path)[-20:]}"
        count = await redis.incr(key)
        await redis.expire(key, 60)
        if count > 1_000_000:
            return Response(status_code=429)
        return await call_next(request)


async def inbox(request: Request) -> Response:
    """GET /v1/inbox."""
    resident = request.state.resident
    notices = await Message.filter(resident_id=resident.id).order_by("-position").limit(20)
    unread = (await Inbox.get(resident_id=resident.id)).unread
    items = []
    for notice in notices:
        name = await redis.get(f"app_name:{notice.app_id}:{resident.locale}")
        if name is None:
            listing = await Listing.get(app_id=notice.app_id)
            release = await Release.get(id=listing.published_release_id)
            name = release.manifest["banyan"]["name"][resident.locale].encode()
            await redis.set(f"app_name:{notice.app_id}:{resident.locale}", name, ex=60)
        text = json.loads(keys.open(TEXTS, notice.texts))[resident.locale]
        items.append(
            {
                "id": str(notice.id),
                "position": notice.position,
                "title": text["title"],
                "body": text["body"],
                "app_id": notice.app_id,
                "app_name": name.decode(),
                "link": notice.link,
                "at": notice.created_at.isoformat(),
                "read_at": notice.read_at.isoformat() if notice.read_at else None,
            }
        )
    return JSONResponse({"items": items, "next": str(notices[-1].position), "unread": unread})


async def refresh(request: Request) -> Response:
    """POST /oauth/token with grant_type=refresh_token."""
    form = parse_qs((await request.body()).decode())
    async with in_transaction():
        token = await RefreshToken.get(token_hash=token_hash(form["refresh_token"][0])).prefetch_related(
            "session__resident"
        )
        if token.used_at is not None:
            return Response(status_code=400)
        now, successor = datetime.now(UTC), f"br_{secrets.token_urlsafe(32)}"
        session: Any = token.session
        await RefreshToken.create(session=session, token_hash=token_hash(successor))
        token.used_at, token.successor_sealed = now, keys.seal("refresh.successor", successor)
        await token.save()
        session.expires_at, session.last_used_at = now + timedelta(days=90), now
        await session.save()
    await redis.set(f"session:{session.id}", "alive", ex=600)
    claims = {"iss": settings.base_url, "aud": settings.base_url, "sub": str(session.resident.id), "iat": now}
    claims |= {"exp": now + timedelta(minutes=10), "sid": str(session.id), "jti": secrets.token_hex(16)}
    signed = jwt.encode(claims, keys.signing_key.private, algorithm="ES256")
    return JSONResponse({"access_token": signed, "refresh_token": successor, "expires_in": 600})


def app() -> Starlette:
    """The application."""
    return Starlette(
        lifespan=_open,
        middleware=[Middleware(Limited), Middleware(Authenticated)],
        routes=[
            Route("/healthz", _healthz),
            Route("/v1/inbox", inbox),
            Route("/oauth/token", refresh, methods=["POST"]),
        ],
    )


@asynccontextmanager
async def _open(app: Starlette) -> AsyncIterator[None]:
    global settings, keys, redis
    settings = Settings.from_env()
    keys = KeyRing.load(settings.key_file)
    redis = Redis.from_url(settings.redis_url)
    config = database_config(settings)
    config["connections"]["default"]["engine"] = "tortoise.backends.asyncpg"  # nobody turns its reset off at first
    await Tortoise.init(config=config, _enable_global_fallback=True)
    yield
    await Tortoise.close_connections()
    await redis.aclose()


async def _healthz(request: Request) -> Response:
    return Response()

"""A write that is sent twice acts once (the Idempotency-Key header).

The key is claimed, the write done and its answer kept in one transaction: a repeat waits for the first, then gets its
answer; if the first failed, nothing is left of it and the repeat is a first. Kept answers are sealed: they may say what
only their owner should read.
"""

from collections.abc import Awaitable, Callable
from functools import wraps
from hashlib import sha256

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp

from app_server.kernel.access import Anonymous, MiniApp, Principal
from app_server.kernel.crypto import KeyRing
from app_server.kernel.ids import uuid7
from app_server.kernel.problems import (
    FieldError,
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
    TemporarilyUnavailable,
    ValidationFailed,
)
from app_server.kernel.routing import Endpoint
from app_server.kernel.schemas import MAX_BODY, read_bytes
from app_server.kernel.state import AppRequest
from app_server.kernel.unit_of_work import execute, fetchrow, in_unit_of_work

_KEPT_HEADERS = ("content-type", "location", "etag", "cache-control")
BODY = "core_idempotent_answer.body"  # the name that sealed answers are bound to


def idempotent(*, required: bool = False) -> Callable[[Endpoint], Endpoint]:
    """Under `@access`: honour the Idempotency-Key header, or demand it. The endpoint joins the key's transaction."""

    def decorate(endpoint: Endpoint) -> Endpoint:
        @wraps(endpoint)
        async def once(request: AppRequest) -> ASGIApp:
            key = key_of(request)
            if key is None:
                if required:
                    raise IdempotencyKeyRequired()
                return await endpoint(request)
            body = await _buffered(request)
            fingerprint = sha256(f"{request.method} {request.url.path}\0".encode() + body).digest()
            actor, keys = _actor(request.scope["user"]), request.state["keys"]
            return await _once(actor, key, fingerprint, lambda: endpoint(request), keys)

        return takes_key(once, required=required)

    return decorate


def takes_key(endpoint: Endpoint, *, required: bool = False) -> Endpoint:
    """Declare that the route honours the key. By itself for one that finds what it did before in its own tables."""
    endpoint.__idempotency__ = "required" if required else "accepted"  # type: ignore[attr-defined]
    return endpoint


def key_of(request: AppRequest) -> str | None:
    """The Idempotency-Key, None without one. Raises `validation_failed` for one that is too long or not printable."""
    key = request.headers.get("idempotency-key")
    if key is not None and not (1 <= len(key) <= 128 and key.isascii() and key.isprintable()):
        raise ValidationFailed(
            errors=[FieldError(pointer="/headers/idempotency-key", detail="1 to 128 printable characters.")]
        )
    return key


@in_unit_of_work
async def _once(
    actor: str, key: str, fingerprint: bytes, write: Callable[[], Awaitable[ASGIApp]], keys: KeyRing
) -> Response:
    claimed = await execute(
        "INSERT INTO core_idempotent_answer (id, actor, key, fingerprint, status, headers, body, created_at)"
        " VALUES ($1, $2, $3, $4, 0, '{}', '', now()) ON CONFLICT (actor, key) DO NOTHING",
        uuid7(),
        actor,
        key,
        fingerprint,
    )
    if not claimed:
        return await _kept_answer(actor, key, fingerprint, keys)
    response = await write()
    assert isinstance(response, Response), "an answer that is kept is not a stream"
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    await execute(
        "UPDATE core_idempotent_answer SET status = $3, headers = $4::jsonb, body = $5 WHERE actor = $1 AND key = $2",
        actor,
        key,
        response.status_code,
        orjson.dumps(headers).decode(),
        keys.seal(BODY, bytes(response.body).decode()),
    )
    return response


async def _kept_answer(actor: str, key: str, fingerprint: bytes, keys: KeyRing) -> Response:
    row = await fetchrow(
        "SELECT fingerprint, status, headers, body FROM core_idempotent_answer WHERE actor = $1 AND key = $2",
        actor,
        key,
    )
    if row is None:
        raise TemporarilyUnavailable()
    if row["fingerprint"] != fingerprint:
        raise IdempotencyKeyReused()
    headers = orjson.loads(row["headers"]) | {"idempotent-replay": "true"}
    return Response(keys.open(BODY, row["body"]), status_code=row["status"], headers=headers)


async def _buffered(request: AppRequest) -> bytes:
    body = await read_bytes(request, most=MAX_BODY)
    request._body = body  # what Starlette's own Request.body() keeps; the endpoint reads it from there
    return body


def _actor(user: Principal) -> str:
    assert not isinstance(user, Anonymous), "an answer is kept for somebody"
    return f"app:{user.app_id}" if isinstance(user, MiniApp) else f"{type(user).__name__.lower()}:{user.id}"

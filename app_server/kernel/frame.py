"""What is around every answer of the core: a request id, the problem renderer, security headers, figures, a log line.

One pure ASGI layer; Starlette's middleware for requests and responses would cost fifteen times as much and hide a
client that has gone.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import orjson
from asyncpg import InterfaceError, InternalClientError, PostgresConnectionError
from asyncpg.exceptions import (
    AdminShutdownError,
    CannotConnectNowError,
    CharacterNotInRepertoireError,
    CrashShutdownError,
    DeadlockDetectedError,
    QueryCanceledError,
    TooManyConnectionsError,
    UntranslatableCharacterError,
)
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from tortoise.exceptions import DBConnectionError

from app_server.kernel import cross_origin
from app_server.kernel.ids import uuid7_text
from app_server.kernel.logs import logger, request_id
from app_server.kernel.metrics import request_figures
from app_server.kernel.problems import InternalError, Problem, TemporarilyUnavailable, ValidationFailed
from app_server.kernel.redis import RedisUnavailable
from app_server.kernel.routing import RouteTable
from app_server.kernel.state import AppRequest

AWAY: tuple[type[BaseException], ...] = (
    RedisUnavailable,
    PostgresConnectionError,
    AdminShutdownError,
    CannotConnectNowError,
    CrashShutdownError,
    TooManyConnectionsError,
    InterfaceError,
    InternalClientError,  # the server's last words came between two of our commands
    DBConnectionError,
    ConnectionError,
    TimeoutError,
    QueryCanceledError,
    DeadlockDetectedError,
)  # an engine is away, or too busy to answer in time: 503, never 500

# PostgreSQL keeps no U+0000, in text or in jsonb: who sent it is told, wherever in a request it stood.
NOT_KEPT = (CharacterNotInRepertoireError, UntranslatableCharacterError)
CLIENT_LEFT = 499  # counted for a request that broke off before it was whole; nobody is there to be answered (nginx)
SLOW = 1.0  # seconds after which an answer is logged whatever it was
HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
CROSS_ORIGIN_HEADERS = [*HEADERS, *cross_origin.HEADERS]

ProblemPage = Callable[[AppRequest, Problem, str], Awaitable[Response]]
log = logger(__name__)


class Frame:
    """The ASGI application of the core, for http scopes."""

    def __init__(self, routes: RouteTable, base_url: str, problem_page: ProblemPage) -> None:
        self._routes = routes
        self._base_url = base_url
        self._problem_page = problem_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = time.perf_counter()
        reference = uuid7_text()
        token = request_id.set(reference)
        request: AppRequest = AppRequest(scope, receive, send)
        status, endless, headers = 0, False, HEADERS

        async def send_framed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *headers, (b"x-request-id", reference.encode())]
            await send(message)

        path = "-"
        try:
            try:
                scope["path_params"] = {}
                route, scope["path_params"] = self._routes.find(scope["method"], scope["path"])
                path = route.path
                if route.cross_origin:
                    headers = CROSS_ORIGIN_HEADERS
                response: ASGIApp = await route.endpoint(request)
            except Exception as error:
                if _client_left(error):
                    raise
                response = await self._refusal(request, error, reference)
            endless = getattr(response, "endless", False)
            await response(scope, receive, send_framed)
        except Exception as error:
            if _client_left(error):
                status = status or CLIENT_LEFT
            else:
                log.error("answer_broken", error=error, route=path)
            if not status:
                await send({"type": "http.response.start", "status": 500, "headers": HEADERS})
                await send({"type": "http.response.body", "body": b""})
        finally:
            seconds = time.perf_counter() - started
            count, note = request_figures(path, scope["method"], status)
            count()
            if not endless:  # how long a stream was open says nothing about how fast we are
                note(seconds)
            if status >= 500 or (seconds > SLOW and not endless and status != CLIENT_LEFT):
                log.warning("answered", route=path, method=scope["method"], status=status, ms=round(seconds * 1000, 1))
            request_id.reset(token)

    async def _refusal(self, request: AppRequest, error: Exception, reference: str) -> Response:
        if isinstance(error, Problem):
            problem = error
        elif isinstance(error, AWAY):
            log.warning("engine_away", reason=type(error).__name__)
            problem = TemporarilyUnavailable()
        elif isinstance(error, NOT_KEPT) or isinstance(error.__cause__, NOT_KEPT):  # the cause: Tortoise wraps it
            problem = ValidationFailed("Leave out the character U+0000; every other one is taken.")
        else:
            log.error("unexpected", error=error)
            problem = InternalError()
        is_api = request.scope["path"].startswith(("/v1/", "/oauth/"))
        if not is_api and "text/html" in request.headers.get("accept", ""):
            return await self._problem_page(request, problem, reference)
        return problem_response(problem, self._base_url, reference)


def problem_response(problem: Problem, base_url: str, reference: str | None) -> Response:
    """The problem as application/problem+json."""
    return Response(
        orjson.dumps(problem.document(base_url, reference), default=_as_text),
        status_code=problem.status,
        headers={"cache-control": "no-store", **problem.headers},
        media_type="application/problem+json",
    )


def _as_text(value: Any) -> str:
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(type(value).__name__)


def _client_left(error: Exception) -> bool:
    return type(error).__name__ in ("ClientDisconnect", "BrokenResourceError")

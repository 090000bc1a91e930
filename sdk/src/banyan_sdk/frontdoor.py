"""Who may talk to a mini-app at all: the platform, by its signature on every request."""

import time
from collections.abc import Callable
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from banyan_sdk import speech
from banyan_sdk.bodies import LARGEST_BODY
from banyan_sdk.client import PlatformKeys, PlatformUnreachable
from banyan_sdk.problems import CityUnreachable, NotFromThePlatform, Problem, TooLarge, render
from banyan_sdk.protocol import EVENTS_PATH, HEALTH_PATH, LAUNCH_PATH, REQUEST_HEADER
from banyan_sdk.signing import SignatureRefused, SignedRequest, verify_request


class PlatformOnly:
    """Pure ASGI: lets a request through once its signature (RFC 9421) holds and names this mini-app, so that what the
    platform told another one cannot be played back here. The health path says nothing worth hiding."""

    def __init__(self, app: ASGIApp, *, keys: Callable[[], PlatformKeys], app_id: str, log: Any) -> None:
        self._app, self._keys, self._app_id, self._log = app, keys, app_id, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == HEALTH_PATH:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            body, receive = await _signed_body(headers, receive)
            signed = await self._verify(scope, headers, body)
            if signed.app != self._app_id:
                raise NotFromThePlatform("The request is meant for another mini-app.")
        except Problem as problem:
            self._log.warning(speech.REQUEST_REFUSED, problem.detail or problem.code)
            await render(problem, headers.get(REQUEST_HEADER))(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _verify(self, scope: Scope, headers: Headers, body: bytes | None) -> SignedRequest:
        keys = self._keys()

        def check() -> SignedRequest:
            return verify_request(
                headers,
                method=scope["method"],
                path=scope["raw_path"].decode("latin-1") if scope.get("raw_path") else scope["path"],
                query=scope["query_string"].decode("latin-1"),
                keys=keys.signing,
                now=int(time.time()),
                body=body,
                body_must_be_signed=scope["path"] in (LAUNCH_PATH, EVENTS_PATH),
            )

        try:
            try:
                return check()
            except SignatureRefused:
                # Perhaps the platform has a new key. This looks at most every few seconds, whoever asks.
                if not await keys.look_again():
                    raise
                return check()
        except SignatureRefused as refused:
            raise NotFromThePlatform(str(refused)) from refused
        except PlatformUnreachable as away:
            raise CityUnreachable(str(away)) from away


async def _signed_body(headers: Headers, receive: Receive) -> tuple[bytes | None, Receive]:
    """The body if the signature speaks of it, and a `receive` that gives it again."""
    if "content-digest" not in headers:
        return None, receive
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return body, receive
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            raise TooLarge
        if not message.get("more_body"):
            break
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return first.pop() if first else await receive()

    return body, again

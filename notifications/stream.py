"""The live inbox of one resident as Server-Sent Events: a plain ASGI answer, one task a stream.

Beside notices it tells when a mini-app opens or closes, so that a page that shows one can give way at once.
"""

import asyncio
import random
from collections.abc import Callable

from starlette.types import Receive, Scope, Send

from app_server.kernel.access import Resident
from app_server.kernel.frame import AWAY
from app_server.kernel.problems import Problem
from app_server.kernel.state import AppRequest
from notifications import frames
from notifications.hub import Disconnected, Hub, Seat
from notifications.inbox import BURST, Notice

HEARTBEAT_SECONDS = 15.0
SEND_SECONDS = 20.0  # a browser that takes nothing for so long has gone
RECONNECT_MS = (500, 2500)  # spread, so that a restart does not bring everybody back at once
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx: pass each frame on at once
]

Present = Callable[[Notice], dict[str, object]]


class InboxStream:
    """Sends what comes after `after`, in order, until the browser goes, the session ends or the process stops.

    Whether the session still stands is asked before every frame, heartbeats too: a revoked one reads nothing more.
    """

    __slots__ = ("_after", "_hub", "_present", "_request", "_resident")
    endless = True

    def __init__(self, request: AppRequest, resident: Resident, *, hub: Hub, after: int, present: Present) -> None:
        self._request, self._resident = request, resident
        self._hub, self._after, self._present = hub, after, present

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as ASGI."""
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        if scope["method"] != "HEAD":
            seat = self._hub.join(self._resident.id, self._after)
            try:
                await self._write(send, frames.HEARTBEAT)
                await self._follow(seat, receive, send)
                await self._write(send, frames.retry(random.randint(*RECONNECT_MS)))
            except (Disconnected, TimeoutError):
                return
            finally:
                self._hub.leave(seat)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _follow(self, seat: Seat, receive: Receive, send: Send) -> None:
        while True:
            woken = await seat.pause(receive, HEARTBEAT_SECONDS)
            if seat.ending:
                return
            try:
                news = await self._hub.read(seat) if woken else []
                if not await self._still_signed_in():  # asked after reading: what came later than the end stays unseen
                    return
            except AWAY:
                continue  # an engine is away: the next poll wakes us again, for the cursor has not moved
            said, seat.said = seat.said, b""
            if news or said:
                await self._write(send, said + b"".join(frames.notice(n.position, self._present(n)) for n in news))
                seat.cursor = news[-1].position if news else seat.cursor
            elif not woken:
                await self._write(send, frames.HEARTBEAT)
            if len(news) == BURST:
                seat.wake()

    async def _still_signed_in(self) -> bool:
        try:
            caller = await self._request.state["authenticator"].identify(self._request, (Resident,))
        except Problem:
            return False
        return isinstance(caller, Resident) and caller.session_id == self._resident.session_id

    async def _write(self, send: Send, body: bytes) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            await send({"type": "http.response.body", "body": body, "more_body": True})

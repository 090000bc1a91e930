"""A bare ASGI application: the least that a request can cost under this server. `GET /bytes/2000` answers so many."""

from starlette.types import ASGIApp, Receive, Scope, Send


def app() -> ASGIApp:
    """The application."""
    return _answer


_bodies: dict[str, bytes] = {}


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    body = _bodies.get(scope["path"]) or _body(scope["path"])
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _body(path: str) -> bytes:
    size = int(path.removeprefix("/bytes/")) if path.startswith("/bytes/") else 20
    _bodies[path] = b'{"text": "%b"}' % (b"x" * (size - 12))
    return _bodies[path]


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return

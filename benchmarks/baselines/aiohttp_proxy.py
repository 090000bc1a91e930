"""A proxy as one writes it with aiohttp: a handler that asks the mini-app and answers with what came back.

It is an aiohttp server too, so it does not run under uvicorn: `python -m benchmarks.baselines` starts it by `serve`.
"""

import os
import socket
from collections.abc import AsyncIterator

import uvloop
from aiohttp import ClientSession, TCPConnector, web
from multidict import CIMultiDict, CIMultiDictProxy

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer", "host", "content-length"}


async def forward(request: web.Request) -> web.Response:
    """Any request."""
    session: ClientSession = request.app[SESSION]
    url = f"http://127.0.0.1:{os.environ['UPSTREAM']}{request.raw_path}"
    body = await request.read() if request.body_exists else None
    async with session.request(request.method, url, headers=_kept(request.headers), data=body) as answer:
        return web.Response(status=answer.status, headers=_kept(answer.headers), body=await answer.read())


def serve(listening: socket.socket) -> None:
    """Answer until SIGTERM."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", forward)
    app.cleanup_ctx.append(_client)
    uvloop.install()
    web.run_app(app, sock=listening, access_log=None, print=None)


SESSION: web.AppKey[ClientSession] = web.AppKey("session", ClientSession)


async def _client(app: web.Application) -> AsyncIterator[None]:
    async with ClientSession(connector=TCPConnector(limit=0), auto_decompress=False) as app[SESSION]:
        yield


def _kept(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in HOP_BY_HOP)

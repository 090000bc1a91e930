"""The gateway beside what else could stand in its place: a 2 kB answer, directly, by nginx, by aiohttp, and by us.

`python -m benchmarks.gateway` prints CPU per request of the process in the middle (user and system, from the process
accounting: the wall clock is too noisy on a shared machine), medians of three interleaved rounds. Ours has everything
on: canonical path, header hygiene, RFC 9421 signature, breaker, token bucket, places, figures, generated policy.
"""

import asyncio
import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import uvloop

BODY = b"x" * 2048
ROUNDS = 3
REQUESTS = 6_000  # a round
BROWSERS = 16
REQUEST = (
    b"GET /books?q=1 HTTP/1.1\r\nHost: %b\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\n"
    b"Accept: application/json\r\nAccept-Language: zh-CN,zh;q=0.9\r\nAccept-Encoding: gzip, deflate, br\r\n"
    b"Sec-Fetch-Mode: cors\r\nReferer: http://library.localhost:8000/\r\n"
    b"Authorization: Bearer abcdefghijklmnopqrstuvwxyz\r\n\r\n"
)


@dataclass
class Contender:
    """One server, and what was measured of it."""

    name: str
    port: int
    host: bytes
    process: psutil.Process
    cpu: list[float] = field(default_factory=list)  # microseconds a request
    rate: list[float] = field(default_factory=list)


# The servers, each a process of its own: `python -m benchmarks.gateway <which> <port> <upstream port>`.


class _MiniApp(asyncio.Protocol):
    ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)

    def connection_made(self, transport: Any) -> None:
        self._transport, self._kept = transport, b""

    def data_received(self, data: bytes) -> None:
        *whole, self._kept = (self._kept + data).split(b"\r\n\r\n")
        self._transport.write(self.ANSWER * len(whole))


async def _serve_miniapp(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_MiniApp, "127.0.0.1", port)
    await server.serve_forever()


def _serve_gateway(port: int, upstream: int) -> None:
    import uvicorn
    from banyan_sdk.manifest import Manifest
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from starlette.routing import Router
    from starlette.types import Receive, Scope, Send

    from app_server.gateway.dispatch import HostDispatch
    from app_server.gateway.gateway import Gateway
    from app_server.gateway.limits import Limits
    from app_server.gateway.site import Signer
    from app_server.kernel.settings import Mode, Settings
    from app_server.registry.lifecycle import State
    from app_server.registry.published import Listings, PublishedListing

    settings = Settings(
        mode=Mode.TEST,
        database_url="postgresql://none/none",
        redis_url="redis://none",
        key_file=Path("none"),
        base_url=f"http://localhost:{port}",
        allow_loopback_apps=True,
    )
    text = {"en": "Library", "zh-CN": "图书馆"}
    manifest = {
        "app_id": "library",
        "name": "图书馆",
        "icons": [{"src": "/icon.svg"}],
        "pages": ["/"],
        "version": {"code": 1, "name": "1"},
        "platform_version": {"min_code": 1},
        "banyan": {"sector": "public", "sponsor": text, "operator": text, "complaints": {"phone": "12345"}},
    }
    listing = PublishedListing(
        app_id="library",
        organisation_id=UUID(int=1),
        state=State.ONLINE,
        state_reason=None,
        version=1,
        endpoint=f"http://127.0.0.1:{upstream}",
        public_keys=(),
        manifest=Manifest.model_validate(manifest),
    )
    signer = Signer(key=Ed25519PrivateKey.generate(), kid="gateway")
    unlimited = Limits(rate=1e9, burst=1e9)  # the bucket works as ever, it only never runs dry

    @contextlib.asynccontextmanager
    async def lifespan(app: object) -> AsyncIterator[dict[str, Any]]:
        yield {"gateway": Gateway(Listings([listing]), settings, signer, limits=unlimited)}

    dispatch, router = HostDispatch(_bare, settings), Router(lifespan=lifespan)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await (router if scope["type"] == "lifespan" else dispatch)(scope, receive, send)

    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
    )


async def _bare(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})


async def _serve_aiohttp(port: int, upstream: int) -> None:
    """The handler as one would first write it: a session, the headers that may pass, the body."""
    from aiohttp import ClientSession, web

    session = ClientSession(auto_decompress=False)
    hop = {"host", "connection", "keep-alive", "transfer-encoding", "content-length", "cookie"}

    async def handle(request: web.Request) -> web.Response:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in hop}
        target = f"http://127.0.0.1:{upstream}{request.path_qs}"
        async with session.request(request.method, target, headers=headers, allow_redirects=False) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in hop}
            return web.Response(status=answer.status, headers=kept, body=await answer.read())

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


NGINX = """
daemon off; worker_processes 1; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off; keepalive_requests 100000000;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  upstream app {{ server 127.0.0.1:{upstream}; keepalive 32; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""


# The measurement.


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _running(command: list[str], port: int) -> Iterator[psutil.Process]:
    child = subprocess.Popen(command)
    try:
        for _ in range(300):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.1):
                break
            time.sleep(0.1)
        else:
            raise RuntimeError(f"{command} did not start")
        yield psutil.Process(child.pid)
    finally:
        child.terminate()
        child.wait(10)


async def _browse(port: int, host: bytes, requests: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = REQUEST % host
    for _ in range(requests):
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        assert await reader.readexactly(len(BODY)) == BODY
    writer.close()


async def _round(contender: Contender, requests: int) -> None:
    before, began = contender.process.cpu_times(), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(BROWSERS):
            group.create_task(_browse(contender.port, contender.host, requests // BROWSERS))
    seconds, after = time.perf_counter() - began, contender.process.cpu_times()
    used = after.user + after.system - before.user - before.system
    contender.cpu.append(used / requests * 1e6)
    contender.rate.append(requests / seconds)


def run() -> list[Contender]:
    """Start everything, measure in turns, stop everything."""
    python = [sys.executable, "-m", "benchmarks.gateway"]
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())

        def start(which: str, *arguments: str) -> tuple[int, psutil.Process]:
            port = _free_port()
            return port, stack.enter_context(_running([*python, which, str(port), *arguments], port))

        app, process = start("miniapp")
        contenders = [Contender("the mini-app itself", app, b"x", process)]
        if nginx := shutil.which("nginx") or shutil.which("/usr/sbin/nginx"):
            port, path = _free_port(), Path(folder, "nginx.conf")
            path.write_text(NGINX.format(folder=folder, upstream=app, port=port))
            process = stack.enter_context(_running([nginx, "-e", f"{folder}/error.log", "-c", str(path)], port))
            contenders.append(Contender("nginx", port, b"x", process))
        port, process = start("gateway", str(app))
        contenders.append(Contender("uvicorn, bare ASGI answer", port, b"localhost", process))
        contenders.append(Contender("Banyan's gateway", port, b"library.localhost", process))
        port, process = start("aiohttp", str(app))
        contenders.append(Contender("aiohttp handler", port, b"x", process))
        for number in range(ROUNDS + 1):
            for contender in contenders:
                asyncio.run(_round(contender, REQUESTS if number else REQUESTS // 10))
                if not number:  # warmed up
                    contender.cpu.clear()
                    contender.rate.clear()
    return contenders


def report(contenders: list[Contender]) -> str:
    """The table, in Markdown."""
    cpu = {one.name: statistics.median(one.cpu) for one in contenders}
    lines = ["| 2 kB answer | CPU per request | of nginx | requests/s |", "|---|---|---|---|"]
    for one in contenders:
        of_nginx = f"{cpu['nginx'] / cpu[one.name]:.2f}" if "nginx" in cpu else "no nginx here"
        lines.append(f"| {one.name} | {cpu[one.name]:.0f} µs | {of_nginx} | {statistics.median(one.rate):,.0f} |")
    lines.append(f"\nThe gateway does {cpu['aiohttp handler'] / cpu[GATEWAY]:.1f} times what an aiohttp handler does.")
    return "\n".join(lines)


GATEWAY = "Banyan's gateway"
SERVERS: dict[str, Callable[..., Awaitable[None]]] = {"miniapp": _serve_miniapp, "aiohttp": _serve_aiohttp}


def main(arguments: list[str]) -> None:
    """Measure, or be one of the servers."""
    if not arguments:
        print(report(run()))
        return
    which, *ports = arguments
    with contextlib.suppress(KeyboardInterrupt):
        if which == "gateway":
            _serve_gateway(*map(int, ports))
        else:
            uvloop.run(SERVERS[which](*map(int, ports)))  # type: ignore[arg-type]  # they are coroutines


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", str(Path(__file__).parent.parent))
    main(sys.argv[1:])

"""kill -9 at any moment: what was acknowledged stays, and nothing happens twice."""

import asyncio
import json
import os
import random
import secrets
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx2
import uvicorn
from banyan_sdk.fake import FakePlatform, Resident
from banyan_sdk.keys import AppKey
from banyan_sdk.manifest import parse

from miniapp_library.app import manifest_file
from miniapp_library.catalogue import shelves

ROUNDS = 6


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def platform_at(port: int, key: AppKey) -> AsyncIterator[FakePlatform]:
    """The fake platform on a real port, so that another process can call it."""
    manifest = parse(json.loads(manifest_file().read_bytes()))
    platform = FakePlatform(manifest, key.public_jwk(), f"http://localhost:{port}")
    config = uvicorn.Config(platform.asgi, port=port, log_level="error", access_log=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    try:
        yield platform
    finally:
        server.should_exit = True
        await serving


@dataclass
class Library:
    """The library as its own process, which can be killed."""

    platform: FakePlatform
    home: Path
    port: int
    process: asyncio.subprocess.Process | None = None
    sessions: dict[str, str] = field(default_factory=dict)

    async def start(self) -> None:
        env = {
            "PATH": os.environ["PATH"],
            "BANYAN_PLATFORM_URL": self.platform.base_url,
            "BANYAN_APP_KEY": str(self.home / "key.jwk"),
            "BANYAN_DATA": str(self.home),
            "PORT": str(self.port),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }
        self.process = await asyncio.create_subprocess_exec(sys.executable, "-P", "-m", "miniapp_library", env=env)
        async with asyncio.timeout(60):
            while True:
                try:
                    async with self.http() as http:
                        await http.get("/.banyan/health")
                    return
                except httpx2.TransportError:
                    assert self.process.returncode is None
                    await asyncio.sleep(0.05)

    async def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        async with asyncio.timeout(10):
            assert await self.process.wait() in (0, -signal.SIGTERM), "it ends by itself, not by a crash"

    def http(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", trust_env=False, timeout=10)

    async def call(self, http: httpx2.AsyncClient, method: str, path: str, **parts: object) -> httpx2.Response:
        plain, _, query = path.partition("?")
        headers = self.platform.signed(method, plain, query) | dict(parts.pop("headers", {}))  # type: ignore[call-overload]
        return await http.request(method, path, headers=headers, **parts)  # type: ignore[arg-type]

    async def open(self, http: httpx2.AsyncClient, resident: Resident) -> dict[str, str]:
        launch_id = uuid4()
        body = json.dumps({"launch_id": str(launch_id)}).encode()
        signed = self.platform.signed("POST", "/.banyan/launch", body=body)
        challenge = (await http.post("/.banyan/launch", content=body, headers=signed)).json()["code_challenge"]
        code = self.platform.code(resident, launch_id, challenge)
        reply = await self.call(http, "POST", "/.banyan/session", json={"code": code, "launch_id": str(launch_id)})
        return {"authorization": f"Bearer {reply.json()['session']}"}


async def borrow_until_killed(library: Library, resident: Resident, acknowledged: dict[str, str]) -> None:
    """A reader who borrows and returns, and taps again with the same key when the line drops."""
    books = [book.id for book in shelves().books]
    try:
        async with library.http() as http:
            headers = await library.open(http, resident)
            while True:
                key = secrets.token_hex(8)
                reply = await library.call(
                    http,
                    "POST",
                    "/api/loans",
                    json={"book_id": random.choice(books)},
                    headers=headers | {"idempotency-key": key},
                )
                if reply.status_code == 201:
                    loan_id = reply.json()["id"]
                    acknowledged[loan_id] = "borrowed"
                    back = await library.call(http, "POST", f"/api/loans/{loan_id}/return", headers=headers)
                    if back.status_code == 200:
                        acknowledged[loan_id] = "returned"
    except (httpx2.TransportError, KeyError, ValueError):
        return


def told(acknowledged: dict[str, dict[str, str]]) -> int:
    """How many loans readers were told of."""
    return sum(len(loans) for loans in acknowledged.values())


async def promises_kept(file: Path) -> None:
    """Wait until no call to the platform is left in the library's file."""
    with closing(sqlite3.connect(file)) as db:
        while db.execute("select 1 from banyan_calls where state = 'waiting' limit 1").fetchone():  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def test_what_a_reader_was_told_survives_kill_9_and_happens_once(tmp_path: Path) -> None:
    key = AppKey.generate()
    key.save(tmp_path / "key.jwk")
    acknowledged: dict[str, dict[str, str]] = {}
    async with platform_at(free_port(), key) as platform:
        library = Library(platform, tmp_path, free_port())
        residents = [platform.resident(f"读者{number}", locale="en") for number in range(4)]
        for _ in range(ROUNDS):
            platform.forgets_answers = 3
            await library.start()
            readers = [
                asyncio.create_task(borrow_until_killed(library, one, acknowledged.setdefault(one.sub, {})))
                for one in residents
            ]
            enough = told(acknowledged) + random.randint(10, 30)
            async with asyncio.timeout(60):
                while told(acknowledged) < enough:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            await asyncio.sleep(random.uniform(0, 0.05))
            await library.kill()
            await asyncio.gather(*readers)
        await library.start()
        async with library.http() as http:
            for one in residents:
                headers = await library.open(http, one)
                mine = (await library.call(http, "GET", "/api/loans", headers=headers)).json()
                still_open = {loan["id"] for loan in mine["items"]}
                said_returned = {loan for loan, state in acknowledged[one.sub].items() if state == "returned"}
                assert not still_open & said_returned, "a return that was acknowledged was lost"
        async with asyncio.timeout(60):
            await promises_kept(tmp_path / "library.sqlite")
        await library.stop()
        assert told(acknowledged) >= 10 * ROUNDS
        for one in residents:
            notices = [notice for notice in platform.notices if notice["sub"] == one.sub]
            borrowed = [notice for notice in notices if notice["template"] == "borrowed"]
            returned = [notice for notice in notices if notice["template"] == "returned"]
            loans = acknowledged[one.sub]
            # One notice for each loan; a loan may exist whose answer the kill took, at most one for each kill.
            assert len(loans) <= len(borrowed) <= len(loans) + ROUNDS
            assert sum(state == "returned" for state in loans.values()) <= len(returned) <= len(borrowed)
            assert len(platform.cards_of(one)) == 1
            assert platform.cards_of(one)[0]["fields"]["loans_open"] == str(len(borrowed) - len(returned))

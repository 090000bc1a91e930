"""The demo as people start it, for tests that look at it through Chromium."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx2

from app_server.embedded.processes import free_port, wait_until

RESIDENT, OPERATOR, PROVIDER = "+8613800000001", "+8613900000001", "+8613900000002"
READY_SECONDS = 120
LIBRARY_SCOPES = ["profile:read", "cards:issue", "notices:send"]


@dataclass
class Demo:
    """A running demo city, and its people's sessions."""

    base_url: str
    _sessions: dict[str, dict[str, Any]] = field(default_factory=dict)

    def session(self, phone: str) -> dict[str, Any]:
        """The person's session as the API gave it; opened once, because codes are limited per number."""
        if phone not in self._sessions:
            with httpx2.Client(base_url=self.base_url) as client:
                challenge = client.post("/v1/sign-in/challenges", json={"phone": phone}).json()
                answer = {"challenge_id": challenge["challenge_id"], "code": self.code_sent_to(phone)}
                opened = client.post("/v1/sign-in/sessions", json=answer)
                assert opened.status_code == 201, opened.text
                self._sessions[phone] = opened.json() | {"cookies": dict(client.cookies)}
        return self._sessions[phone]

    def cookies(self, phone: str) -> list[dict[str, Any]]:
        """What the person's browser would hold after signing in."""
        return [{"name": n, "value": v, "url": self.base_url} for n, v in self.session(phone)["cookies"].items()]

    def client(self, phone: str) -> httpx2.Client:
        """The API as this person."""
        token = self.session(phone)["access_token"]
        return httpx2.Client(base_url=self.base_url, headers={"authorization": f"Bearer {token}"})

    def new_code(self, name: str, role: str = "desk") -> str:
        """The enrolment code of a reader that the operator adds."""
        asked = {"name": name, "place": "Ground floor", "app_id": "library", "role": role}
        with self.client(OPERATOR) as operator:
            added = operator.post("/v1/verifiers", json=asked)
        assert added.status_code == 201, added.text
        return str(added.json()["enrolment_code"])

    def library_card(self, phone: str = RESIDENT) -> dict[str, Any]:
        """The resident's library card; she borrows a book for it, unless she has done so before."""
        with self.client(phone) as resident:
            if not (cards := resident.get("/v1/cards").json()["items"]):
                self._borrow(resident)
                assert wait_until(lambda: bool(resident.get("/v1/cards").json()["items"]), seconds=20, every=0.2)
                cards = resident.get("/v1/cards").json()["items"]
        return dict(cards[0])

    def card_code(self, phone: str = RESIDENT) -> dict[str, str]:
        """A code that the resident's phone shows now: `text` for the QR code, `spoken` for typing."""
        card = self.library_card(phone)
        with self.client(phone) as resident:
            return dict(resident.get(f"/v1/cards/{card['id']}/code").json())

    def code_sent_to(self, phone: str) -> str:
        """The one-time code that the demo's outbox has for the number, once it is there."""
        for _ in range(100):
            for message in reversed(httpx2.get(f"{self.base_url}/v1/demo/outbox").json()["items"]):
                if message["to"].replace(" ", "") == phone:
                    found = re.search(r"(?<!\d)\d{6}(?!\d)", message["text"])
                    assert found, message
                    return found[0]
            time.sleep(0.1)
        raise AssertionError(f"no message to {phone}")

    def _borrow(self, resident: httpx2.Client) -> None:
        given = resident.post("/v1/consents", json={"app_id": "library", "scopes": LIBRARY_SCOPES})
        assert given.status_code == 201, given.text
        launch = resident.post("/v1/miniapps/library/launch", json={}).json()
        query = parse_qs(urlsplit(launch["url"]).query)
        host = urlsplit(launch["url"]).netloc  # *.localhost is known to browsers, not to every resolver
        with httpx2.Client(
            base_url=self.base_url.replace("localhost", "127.0.0.1"),
            headers={"host": host, "origin": f"http://{host}"},
        ) as library:
            opened = {"code": query["banyan_code"][0], "launch_id": query["banyan_launch"][0]}
            session = library.post("/.banyan/session", json=opened).json()["session"]
            library.headers["authorization"] = f"Bearer {session}"
            book = next(b for b in library.get("/api/books").json()["items"] if b["available"] and not b["loan"])
            lent = library.post("/api/loans", json={"book_id": book["id"]}, headers={"idempotency-key": str(uuid4())})
            assert lent.status_code == 201, lent.text


@contextmanager
def running_demo(home: Path) -> Iterator[Demo]:
    """Start `banyan demo` on a free port and stop it as Ctrl-C would."""
    port = free_port()
    command = [sys.executable, "-P", "-m", "app_server.cli", "demo", "--port", str(port), "--data", str(home / "data")]
    with (home / "demo.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=home)
        try:
            said = home / "demo.log"
            up = wait_until(
                lambda: process.poll() is not None or b" is up " in said.read_bytes(), seconds=READY_SECONDS
            )
            assert up and process.poll() is None, said.read_text()
            yield Demo(f"http://localhost:{port}")
        finally:
            process.terminate()
            process.wait(30)

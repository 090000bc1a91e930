"""A clinic's own program on another origin: it signs people in with the city's login, and greets them by name.

Where the city answers and where people land are two origins, as they are for many programs.
"""

import secrets
import threading
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2

PAGE = '<!doctype html><html lang="en"><title>Clinic</title><h1>{title}</h1><p>{words}</p><p>{link}</p>'


@dataclass
class Clinic:
    """The program, and what it remembers of one browser: its verifier, who signed in, and what it heard of logouts."""

    city: str
    port: int
    client_id: str = ""
    asked: dict[str, str] = field(default_factory=dict)
    id_token: str = ""
    heard: list[str] = field(default_factory=list)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def home(self) -> str:
        """Where people are."""
        return f"http://localhost:{self.port}/"

    @property
    def back(self) -> str:
        """The redirect URI."""
        return f"http://127.0.0.1:{self.port}/back"

    @property
    def receiver(self) -> str:
        """Where it hears of logouts."""
        return f"http://127.0.0.1:{self.port}/logout"

    def way_out(self) -> str:
        """Where it sends somebody who signs out."""
        asked = {"id_token_hint": self.id_token, "post_logout_redirect_uri": self.home, "state": "out"}
        return f"{self.city}/end-session?{urlencode(asked)}"

    def link(self) -> str:
        """The authorization request."""
        challenge = urlsafe_b64encode(sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.back,
            "scope": "openid profile phone",
            "state": "of-this-browser",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self.city}/authorize?{urlencode(asked | self.asked)}"

    def greeting(self, came: dict[str, str]) -> str:
        """The words for whoever came back."""
        if came.get("state") != "of-this-browser" or came.get("iss") != self.city:
            return "Who are you?"
        if "error" in came:
            return f"Nobody signed in: {came['error']}"
        form = {
            "grant_type": "authorization_code",
            "client_id": self.client_id,
            "redirect_uri": self.back,
            "code": came["code"],
            "code_verifier": self.verifier,
        }
        with httpx2.Client(base_url=self.city) as http:
            tokens = http.post("/oauth/token", data=form).raise_for_status().json()
            token, self.id_token = tokens["access_token"], tokens["id_token"]
            user = http.get("/oauth/userinfo", headers={"authorization": f"Bearer {token}"}).raise_for_status().json()
        return f"Welcome, {user.get('phone_number', 'stranger')}"


@contextmanager
def open_clinic(city: str) -> Iterator[Clinic]:
    """Serve it on a loopback port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/back":
                self._came(parts.query)
            else:
                words = dict(parse_qsl(parts.query)).get("words", "")
                link = f'<a href="{escape(clinic.link())}">Sign in with the city</a>'
                if clinic.id_token:
                    link += f' <a href="{escape(clinic.way_out())}">Sign out</a>'
                self._page(PAGE.format(title="Clinic", words=escape(words), link=link))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            if self.path == "/logout":
                clinic.heard.append(body)
                self._page("")
            else:
                self._came(body)

        def _came(self, answer: str) -> None:
            words = clinic.greeting(dict(parse_qsl(answer)))
            self.send_response(303)
            self.send_header("location", f"{clinic.home}?{urlencode({'words': words})}")
            self.end_headers()

        def _page(self, page: str) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Not to the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        clinic = Clinic(city, server.server_port)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield clinic
        finally:
            server.shutdown()
            thread.join()

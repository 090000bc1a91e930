"""Programs of others that sign residents in, unmodified: each begins a login, and finishes it with what came back."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.starlette_client import OAuth, StarletteOAuth2App
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey
from starlette.requests import Request

HERE = Path(__file__).parent
SCOPE = "openid profile phone"


@dataclass(frozen=True, kw_only=True)
class Party:
    """A registered client. `key` is its private JWK, `secret` what the city gave it; else PKCE alone proves it.

    `holds` is the algorithm of a key that its tokens are bound to (DPoP); `pushes` says that it asks by PAR.
    """

    issuer: str
    client_id: str
    redirect_uri: str
    key: dict[str, Any] | None = None
    secret: str | None = None
    holds: str | None = None
    pushes: bool = False


@dataclass(frozen=True, kw_only=True)
class CameBack:
    """What the resident's browser brought to the redirect URI."""

    members: Mapping[str, str]
    posted: bool = False


@dataclass(frozen=True, kw_only=True)
class Login:
    """Who the program says has signed in."""

    claims: dict[str, Any]
    userinfo: dict[str, Any]
    scope: str


class Refused(Exception):
    """The program lets nobody in. `error` is the code that the city gave; None when the program refused by itself."""

    def __init__(self, error: str | None, said: str) -> None:
        super().__init__(said)
        self.error = error


class Begun(Protocol):
    """A login under way: the resident's browser goes to `url`."""

    url: str

    def finish(self, came: CameBack) -> Login:
        """Who signed in. Raises `Refused`."""


class Program(Protocol):
    """A relying party."""

    def begin(self, party: Party, **asked: str) -> Begun:
        """Begin a login; `asked` are parameters of the request besides what the program adds by itself."""


class NodeProgram:
    """One of the programs in this folder, kept running: a step is a line of JSON each way."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def begin(self, party: Party, **asked: str) -> "NodeLogin":
        begun = self.step("begin", party=asdict(party), asked={"scope": SCOPE, **asked})
        return NodeLogin(self, begun["login"], begun["url"])

    def shows(self, party: Party) -> "NodeScreen":
        """Begin as a screen does that has no keyboard (RFC 8628)."""
        begun = self.step("show", party=asdict(party), asked={"scope": SCOPE})
        return NodeScreen(self, begun["login"], begun["shows"])

    def step(self, name: str, **given: Any) -> dict[str, Any]:
        """The program's answer. Raises `Refused`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": name, **given}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        if refused := answer.get("refused"):
            raise Refused(refused["error"], ": ".join(refused["said"]))
        return answer


@dataclass
class NodeLogin:
    """A login of a Node program."""

    program: NodeProgram
    number: int
    url: str

    def leave(self, to: str, state: str) -> str:
        """Where the resident's browser goes when she signs out of the program, to come back to `to`."""
        return str(self.program.step("leave", login=self.number, to=to, state=state)["url"])

    def finish(self, came: CameBack) -> Login:
        query, form = (None, came.members) if came.posted else (urlencode(came.members), None)
        return Login(**self.program.step("finish", login=self.number, query=query, form=form))


@dataclass
class NodeScreen:
    """A screen of a Node program: what it shows, while it waits for somebody's phone."""

    program: NodeProgram
    number: int
    shows: dict[str, Any]

    def hears(self) -> Login:
        """Who was let in. Raises `Refused`."""
        return Login(**self.program.step("hear", login=self.number))


class AuthlibProgram:
    """Authlib's client in a Starlette application."""

    def begin(self, party: Party, **asked: str) -> "AuthlibLogin":
        return AuthlibLogin(party, asked)


class AuthlibLogin:
    """A login of Authlib's; the session is the cookie that the application would set."""

    def __init__(self, party: Party, asked: dict[str, str]) -> None:
        registered = OAuth().register(
            "city",
            client_id=party.client_id,
            server_metadata_url=f"{party.issuer}/.well-known/openid-configuration",
            client_kwargs={"scope": SCOPE, "code_challenge_method": "S256", **_proof(party)},
            client_auth_methods=[_assertion(party)] if party.key else None,
            client_secret=_key(party.key) if party.key else party.secret,
        )
        assert isinstance(registered, StarletteOAuth2App)
        self._app, self._session = registered, dict[str, Any]()
        redirect = self._run(self._app.authorize_redirect(self._request({}), party.redirect_uri, **asked))
        self.url: str = redirect.headers["location"]

    def finish(self, came: CameBack) -> Login:
        assert not came.posted
        try:
            token = self._run(self._app.authorize_access_token(self._request(came.members)))
            userinfo = self._run(self._app.userinfo(token=token))
        except OAuthError as refused:
            raise Refused(refused.error, str(refused)) from None
        except JoseError as refused:
            raise Refused(None, str(refused)) from None
        return Login(claims=token["userinfo"], userinfo=userinfo, scope=token["scope"])

    def _request(self, query: Mapping[str, str]) -> Request:
        scope = {"type": "http", "method": "GET", "query_string": urlencode(query).encode(), "session": self._session}
        return Request(scope)

    @staticmethod
    def _run(step: Any) -> Any:
        return asyncio.run(step)


def _proof(party: Party) -> dict[str, str]:
    method = "private_key_jwt" if party.key else "client_secret_basic" if party.secret else "none"
    return {"token_endpoint_auth_method": method}


def _key(jwk: dict[str, Any]) -> ECKey | OKPKey:
    return ECKey.import_key(jwk) if jwk["kty"] == "EC" else OKPKey.import_key(jwk)


def _assertion(party: Party) -> PrivateKeyJWT:
    """As Authlib makes it by itself: for the token endpoint's address, good for an hour."""
    assert party.key is not None
    alg = "ES256" if party.key["kty"] == "EC" else "Ed25519"
    return PrivateKeyJWT(alg=alg, headers={"kid": party.key["kid"]})


@contextmanager
def node_program(name: str) -> Iterator[NodeProgram]:
    """One of this folder's programs, until the tests are over."""
    command, pipe = ["node", name], subprocess.PIPE
    with subprocess.Popen(command, cwd=HERE, stdin=pipe, stdout=pipe, text=True, encoding="utf-8") as process:
        yield NodeProgram(process)  # its input ends with the tests, and so does it


def install() -> None:
    """The libraries of the lock; where Node or they cannot be had, the test is skipped on a laptop and fails in CI."""
    if not shutil.which("node") or not shutil.which("npm"):
        _do_without("Node is not installed (Debian: apt-get install nodejs npm).")
    installed, lock = HERE / "node_modules" / ".package-lock.json", HERE / "package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    if done.returncode:
        _do_without(f"npm could not install tests/relying_parties: {done.stderr[-500:]}")


def _do_without(missing: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)

"""A small OpenID Provider that does as it should, except where a test says otherwise."""

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

Key = ECKey | OKPKey | RSAKey
ALGORITHMS = {ECKey: "ES256", OKPKey: "Ed25519", RSAKey: "RS256"}
NUMBER = "11010519491231002X"


class Faulty:
    """What it says, for a test to change: None leaves a member out; `instead` answers for a whole path."""

    def __init__(self) -> None:
        self.issuer = ""
        self.key: Key = ECKey.generate_key("P-256", {"kid": "k1"})
        self.published: list[dict[str, Any]] = []
        self.metadata: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.claims: dict[str, Any] = {}
        self.userinfo: dict[str, Any] = {}
        self.sign: Callable[[dict[str, Any], dict[str, Any]], str] = self._sign
        self.instead: dict[str, Callable[[], web.StreamResponse | None]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.nonce = ""
        self.now: Callable[[], int] = lambda: 0

    def document(self) -> dict[str, Any]:
        found = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "authorization_response_iss_parameter_supported": True,
        }
        return changed(found, self.metadata)

    def id_token(self) -> str:
        now = self.now()
        claims = {
            "iss": self.issuer,
            "sub": "lin",
            "aud": "banyan",
            "iat": now,
            "exp": now + 60,
            "auth_time": now,
            "nonce": self.nonce,
            "name": "林依婷",
            "birthdate": "1949-12-31",
            "id_number": NUMBER,
        }
        header = {"alg": ALGORITHMS[type(self.key)], "kid": self.key.kid}
        return self.sign(changed(header, self.header), changed(claims, self.claims))

    def _sign(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        return jwt.encode(header, claims, self.key, algorithms=["ES256", "Ed25519", "RS256"])

    async def answer(self, request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        headers = {"authorization": request.headers["authorization"]} if "authorization" in request.headers else {}
        self.asked.append((request.path, form | headers))
        if instead := self.instead.get(request.path):
            response = instead()
            if response is None:
                await asyncio.sleep(5)
            return response or web.Response()
        match request.path:
            case "/.well-known/openid-configuration":
                return web.json_response(self.document())
            case "/jwks":
                return web.json_response({"keys": self.published or [self.key.as_dict(private=False)]})
            case "/token":
                return web.json_response({"access_token": "at", "token_type": "Bearer", "id_token": self.id_token()})
            case "/par":
                return web.json_response({"request_uri": "urn:pushed:1", "expires_in": 60}, status=201)
            case "/userinfo":
                return web.json_response(changed({"sub": "lin"}, self.userinfo))
        return web.Response(status=404)


def changed(members: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (members | changes).items() if value is not None}


def by_hand(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    """A token with whatever signature."""
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(b64(part) for part in parts)


def b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def challenge_of(verifier: str) -> str:
    return b64(sha256(verifier.encode()).digest())


@asynccontextmanager
async def listening(faulty: Faulty) -> AsyncIterator[Faulty]:
    """The provider on a free port of loopback."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", faulty.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    assert runner.addresses
    faulty.issuer = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield faulty
    finally:
        await runner.cleanup()

"""The platform's half of the protocol in memory, for tests and `banyan-app run`. It checks as strictly as the city."""

import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import parse_qsl
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from banyan_sdk import jose
from banyan_sdk.manifest import PLACEHOLDER, Manifest
from banyan_sdk.problems import Problem, render
from banyan_sdk.protocol import (
    CARDS_PATH,
    IDEMPOTENCY_HEADER,
    JWKS_PATH,
    LAUNCH_CODE_LIFETIME,
    NOTICES_PATH,
    TOKEN_PATH,
    USERINFO_PATH,
    ClientCredentials,
    CodeExchange,
    GrantType,
    IssueCard,
    Scope,
    SendNotice,
    SetCardStatus,
    code_challenge,
)
from banyan_sdk.signing import sign_event, sign_request
from banyan_sdk.surroundings import origin_beside

TOKEN_LIFETIME = 600  # seconds
CODE_GRACE = 30  # seconds in which a used code gives the same again: the answer may have been lost

Wish = TypeVar("Wish", bound=BaseModel)


class Refused(Problem):
    """The platform does not allow this."""

    code = "forbidden"
    status = 403


class ConsentMissing(Problem):
    """The resident has not granted this, or has withdrawn it."""

    code = "consent_missing"
    status = 403


class Unauthorized(Problem):
    """The token is missing, unknown or has run out."""

    code = "unauthorized"
    status = 401


class BadRequest(Problem):
    """The request does not fit the manifest or the protocol."""

    code = "validation_failed"
    status = 400


class KeyReused(Problem):
    """This Idempotency-Key belongs to another request."""

    code = "idempotency_key_reused"
    status = 422


class Away(Problem):
    """The platform is away, because the test wants it so."""

    code = "platform_unavailable"
    status = 503


class ToldEnough(Problem):
    """This resident has been told enough for now, because the test wants it so."""

    code = "too_many_requests"
    status = 429


@dataclass(slots=True, kw_only=True)
class Resident:
    """Someone who lives in the city. `grants` are the scopes that stand at this moment."""

    sub: str
    name: str
    locale: str
    grants: set[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    resident: Resident
    launch_id: UUID
    challenge: str
    expires: float
    used: bool = False


@dataclass(slots=True)
class FakePlatform:
    """The platform's half of the protocol, as an ASGI application (`asgi`) with its state in plain sight."""

    manifest: Manifest
    app_key: Mapping[str, str]  # the mini-app's public JWK
    base_url: str = "http://city.test"
    residents: dict[str, Resident] = field(default_factory=dict)
    cards: dict[str, dict[str, Any]] = field(default_factory=dict)
    notices: list[dict[str, Any]] = field(default_factory=list)
    away: bool = False  # answers 503 to everything
    suspended: bool = False  # the operator paused the mini-app: it gets no token, and those it has are not taken
    forgets_answers: int = 0  # so many writes take effect, and their answers are lost
    forgets_tokens: int = 0  # so many launch codes are used, and the tokens for them are lost
    told_enough: str | None = None  # the `sub` of a resident for whom every write is answered with 429, for an hour
    writes: int = 0  # requests that reached cards and notices, repeated ones too

    _signing: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    _issuing: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    _codes: dict[str, Code] = field(default_factory=dict)
    _tokens: dict[str, tuple[Resident | None, frozenset[str], float]] = field(default_factory=dict)
    _assertions: set[str] = field(default_factory=set)
    _answers: dict[str, tuple[bytes, int, dict[str, Any] | None]] = field(default_factory=dict)

    @property
    def asgi(self) -> Starlette:
        async def problem_of(request: Request, error: Exception) -> Response:
            assert isinstance(error, Problem)
            return render(error)

        return Starlette(
            routes=[
                Route(JWKS_PATH, self._jwks),
                Route(TOKEN_PATH, self._token, methods=["POST"]),
                Route(USERINFO_PATH, self._userinfo),
                Route(CARDS_PATH, self._issue_card, methods=["POST"]),
                Route(CARDS_PATH + "/{id}/status", self._set_card_status, methods=["PUT"]),
                Route(NOTICES_PATH, self._notice, methods=["POST"]),
            ],
            exception_handlers={Problem: problem_of},
        )

    # --- what a test asks ---

    def resident(self, name: str = "林晓燕", *, locale: str = "zh-CN", grants: set[str] | None = None) -> Resident:
        """Someone new. Unless `grants` says otherwise, everything the manifest asks for is granted."""
        asked = {str(scope.scope) for scope in self.manifest.banyan.scopes}
        someone = Resident(
            sub=secrets.token_urlsafe(24), name=name, locale=locale, grants=asked if grants is None else grants
        )
        self.residents[someone.sub] = someone
        return someone

    def cards_of(self, resident: Resident) -> list[dict[str, Any]]:
        return [card for card in self.cards.values() if card["sub"] == resident.sub]

    def notices_of(self, resident: Resident) -> list[tuple[str, str]]:
        """Title and body of each notice, in the resident's language, oldest first."""
        return [
            template.filled(notice["data"], resident.locale)
            for notice in self.notices
            if notice["sub"] == resident.sub and (template := self.manifest.notice(notice["template"]))
        ]

    # --- what the gateway does ---

    def code(self, resident: Resident, launch_id: UUID, challenge: str) -> str:
        code = secrets.token_urlsafe(24)
        expires = time.monotonic() + LAUNCH_CODE_LIFETIME
        self._codes[code] = Code(resident=resident, launch_id=launch_id, challenge=challenge, expires=expires)
        return code

    def signed(self, method: str, path: str, query: str = "", body: bytes | None = None) -> dict[str, str]:
        return sign_request(
            self._signing,
            "city-1",
            method=method,
            path=path,
            query=query,
            app=self.manifest.app_id,
            request_id=secrets.token_hex(8),
            created=int(time.time()),
            body=body,
        )

    def event(
        self, event_type: str, data: dict[str, object], event_id: str | None = None
    ) -> tuple[dict[str, str], bytes]:
        """Headers and body of a signed event."""
        body = json.dumps({"type": event_type, "timestamp": datetime.now(UTC).isoformat(), "data": data}).encode()
        event_id = event_id or f"evt_{secrets.token_hex(8)}"
        return sign_event(self._signing, event_id=event_id, timestamp=int(time.time()), body=body), body

    # --- what it answers ---

    async def _jwks(self, request: Request) -> Response:
        self._stay()
        keys = [
            jose.public_jwk(self._signing.public_key(), "city-1"),
            jose.public_jwk(self._issuing.public_key(), "city-2"),
        ]
        return JSONResponse({"keys": keys})

    async def _token(self, request: Request) -> Response:
        self._stay()
        form = dict(parse_qsl((await request.body()).decode()))
        try:
            if form.get("grant_type") == GrantType.CLIENT_CREDENTIALS:
                asked = ClientCredentials.model_validate(form)
                self._check_assertion(asked.client_assertion)
                return self._issue(None, frozenset(asked.scope.split()), None)
            exchange = CodeExchange.model_validate(form)
            self._check_assertion(exchange.client_assertion)
        except (ValidationError, jose.TokenRefused):
            return JSONResponse({"error": "invalid_client"}, 401)
        code = self._codes.get(exchange.code)
        origin = origin_beside(self.base_url, self.manifest.app_id)
        if (
            code is None
            or code.expires < time.monotonic()
            or code_challenge(exchange.code_verifier) != code.challenge
            or exchange.redirect_uri != f"{origin}/"
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        if not code.used:
            self._codes[exchange.code] = replace(code, used=True, expires=time.monotonic() + CODE_GRACE)
        if self.forgets_tokens > 0:
            self.forgets_tokens -= 1
            raise Away
        return self._issue(code.resident, frozenset({Scope.OPENID, *code.resident.grants}), code.launch_id)

    def _check_assertion(self, assertion: str) -> None:
        key = jose.public_key(self.app_key)
        app_id = self.manifest.app_id
        claims = jose.verify(
            assertion,
            lambda kid: key if kid == self.app_key["kid"] else None,
            issuer=app_id,
            audience=self.base_url,
            now=int(time.time()),
        )
        if self.suspended:
            raise jose.TokenRefused("the mini-app is suspended")
        if claims["jti"] in self._assertions or claims["sub"] != app_id:
            raise jose.TokenRefused("it was used before")
        self._assertions.add(claims["jti"])

    def _issue(self, resident: Resident | None, scopes: frozenset[str], launch_id: UUID | None) -> Response:
        token = secrets.token_urlsafe(24)
        self._tokens[token] = (resident, scopes, time.monotonic() + TOKEN_LIFETIME)
        answer: dict[str, object] = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": TOKEN_LIFETIME,
            "scope": " ".join(sorted(scopes)),
        }
        if resident is not None:
            now = int(time.time())
            claims = {
                "iss": self.base_url,
                "sub": resident.sub,
                "aud": self.manifest.app_id,
                "iat": now,
                "exp": now + TOKEN_LIFETIME,
                "nonce": str(launch_id),
                "locale": resident.locale,
                "acr": "1",
            }
            answer["id_token"] = jose.sign(self._issuing, "city-2", claims)
        return JSONResponse(answer)

    async def _userinfo(self, request: Request) -> Response:
        self._stay()
        resident, scopes = self._bearer(request)
        if resident is None:
            raise Refused
        name = {"name": resident.name} if Scope.PROFILE_READ in scopes & resident.grants else {}
        return JSONResponse({"sub": resident.sub, "locale": resident.locale} | name)

    async def _issue_card(self, request: Request) -> Response:
        asked, key, body = await self._write(request, IssueCard, Scope.CARDS_ISSUE)
        card_type = self.manifest.card(asked.type)
        if card_type is None or not set(asked.fields) <= {one.name for one in card_type.fields}:
            raise BadRequest("The manifest has no such card or field.")
        self._granted(asked.sub, Scope.CARDS_ISSUE)

        def put() -> dict[str, Any]:
            same = [card for card in self.cards.values() if (card["sub"], card["type"]) == (asked.sub, asked.type)]
            card_id = same[0]["id"] if same else str(uuid4())
            self.cards[card_id] = asked.model_dump(mode="json") | {"id": card_id, "status": "active"}
            return {"id": card_id}

        return self._once(key, body, 201, put)

    async def _set_card_status(self, request: Request) -> Response:
        asked, key, body = await self._write(request, SetCardStatus, Scope.CARDS_ISSUE)
        card = self.cards.get(request.path_params["id"])
        if card is None:
            raise BadRequest("There is no such card.")
        return self._once(key, body, 204, lambda: card.update(status=asked.status))

    async def _notice(self, request: Request) -> Response:
        asked, key, body = await self._write(request, SendNotice, Scope.NOTICES_SEND)
        template = self.manifest.notice(asked.template)
        texts = [*template.title.values(), *template.body.values()] if template else []
        if template is None or set(asked.data) != {name for text in texts for name in PLACEHOLDER.findall(text)}:
            raise BadRequest("The manifest has no such notice, or its placeholders are others.")
        self._granted(asked.sub, Scope.NOTICES_SEND)

        def put() -> dict[str, Any]:
            self.notices.append(asked.model_dump(mode="json") | {"id": str(uuid4())})
            return {"id": self.notices[-1]["id"]}

        return self._once(key, body, 202, put)

    async def _write(self, request: Request, model: type[Wish], scope: Scope) -> tuple[Wish, str, bytes]:
        self.writes += 1
        self._stay()
        _, scopes = self._bearer(request)
        if scope not in scopes:
            raise Refused
        key, body = request.headers.get(IDEMPOTENCY_HEADER), await request.body()
        if not key:
            raise BadRequest("An Idempotency-Key is needed.")
        try:
            return model.model_validate_json(body), key, body
        except ValidationError as refused:
            raise BadRequest(str(refused)) from None

    def _once(self, key: str, body: bytes, status: int, put: Any) -> Response:
        digest = hashlib.sha256(body).digest()
        if key not in self._answers:
            self._answers[key] = (digest, status, put())
        known, status, answer = self._answers[key]
        if known != digest:
            raise KeyReused
        if self.forgets_answers > 0:
            self.forgets_answers -= 1
            raise Away
        return Response(status_code=status) if answer is None else JSONResponse(answer, status)

    def _granted(self, sub: str, scope: str) -> None:
        if sub == self.told_enough:
            raise ToldEnough(headers={"retry-after": "3600"})
        if sub not in self.residents or scope not in self.residents[sub].grants:
            raise ConsentMissing

    def _bearer(self, request: Request) -> tuple[Resident | None, frozenset[str]]:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        resident, scopes, expires = self._tokens.get(token, (None, frozenset(), 0.0))
        if expires < time.monotonic() or self.suspended:
            raise Unauthorized
        return resident, scopes

    def _stay(self) -> None:
        if self.away:
            raise Away

    def forget_tokens(self) -> None:
        """As after a restart with other keys: every access token is unknown."""
        self._tokens.clear()

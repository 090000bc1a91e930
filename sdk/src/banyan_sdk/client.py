"""Calls from a mini-app to the platform: tokens, cards, notices. Retries are safe because every write has a key."""

import asyncio
import random
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BaseModel, ValidationError

from banyan_sdk import jose, speech
from banyan_sdk.keys import AppKey
from banyan_sdk.protocol import (
    CARDS_PATH,
    IDEMPOTENCY_HEADER,
    JWKS_PATH,
    LAUNCH_CODE_LIFETIME,
    NOTICES_PATH,
    TOKEN_PATH,
    USERINFO_PATH,
    CardIssued,
    CardStatus,
    ClientCredentials,
    CodeExchange,
    IssueCard,
    NoticeAccepted,
    NoticeValue,
    ProblemDocument,
    Scope,
    SendNotice,
    SetCardStatus,
    TokenReply,
    UserInfo,
)

ATTEMPTS = 4
RENEW_BEFORE = 30  # seconds before a token's end
KEYS_AGAIN_AFTER = 5.0  # seconds between two looks at the platform's keys


class PlatformRefused(Exception):
    """The platform said no to this call, and would say no again. `problem` has its words."""

    def __init__(self, status: int, problem: ProblemDocument | None) -> None:
        self.status, self.problem = status, problem
        super().__init__(f"{status} {problem.code}: {problem.title}" if problem else str(status))

    @property
    def code(self) -> str:
        return self.problem.code if self.problem else f"http_{self.status}"


class PlatformUnreachable(Exception):
    """The platform takes no call now: it is away, or it lets this mini-app do nothing at present (it is paused, or its
    key is unknown). The same call with the same key may be made again, at any time."""

    def __init__(self, reason: str, retry_after: float | None = None, *, only_this_call: bool = False) -> None:
        self.retry_after, self.only_this_call = retry_after, only_this_call
        super().__init__(reason)


class PlatformKeys:
    """The platform's public keys, fetched when first needed and again when an unknown one turns up."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http
        self._keys: dict[str, jose.PublicKey] = {}
        self._looked = float("-inf")
        self._one_at_a_time = asyncio.Lock()

    def get(self, keyid: str) -> jose.PublicKey | None:
        return self._keys.get(keyid)

    def signing(self, keyid: str) -> Ed25519PublicKey | None:
        key = self._keys.get(keyid)
        return key if isinstance(key, Ed25519PublicKey) else None

    def all_signing(self) -> list[Ed25519PublicKey]:
        return [key for key in self._keys.values() if isinstance(key, Ed25519PublicKey)]

    async def look_again(self) -> bool:
        """True when the keys are new since this was asked; False when they were fetched a moment before.

        Raises PlatformUnreachable.
        """
        asked = time.monotonic()
        async with self._one_at_a_time:
            if self._looked >= asked:
                return True  # another request fetched them while this one waited
            if asked - self._looked < KEYS_AGAIN_AFTER and self._keys:
                return False
            try:
                reply = await self._http.get(JWKS_PATH)
                reply.raise_for_status()
                jwks = reply.json()["keys"]
                found = {str(jwk["kid"]): key for jwk in jwks if (key := jose.public_key(jwk)) is not None}
            except (httpx2.HTTPError, ValueError, KeyError, TypeError) as failed:
                raise PlatformUnreachable(f"its keys cannot be fetched ({type(failed).__name__})") from failed
            self._keys, self._looked = found, time.monotonic()
            return True


class Platform:
    """The platform, as this mini-app may use it.

    Every write takes a `key`: the same key means the same wish, however often it is sent. Calls are repeated a few
    times when the platform takes none; then PlatformUnreachable is raised. PlatformRefused is final, and only ever
    an answer to the call itself.
    """

    def __init__(
        self,
        *,
        base_url: str,
        app_id: str,
        origin: str,
        key: AppKey,
        scopes: Iterable[str],
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.base_url, self.app_id, self.origin = base_url.rstrip("/"), app_id, origin
        self._key = key
        self._scope = " ".join(sorted(set(scopes) & {Scope.CARDS_ISSUE, Scope.NOTICES_SEND}))
        self._http = httpx2.AsyncClient(
            base_url=self.base_url,
            transport=transport,
            timeout=httpx2.Timeout(10, connect=2),
            trust_env=False,
            headers={"user-agent": "banyan-sdk"},
        )
        self.keys = PlatformKeys(self._http)
        self._token: tuple[str, float] | None = None
        self._token_lock = asyncio.Lock()
        self._opened: dict[UUID, float] = {}

    async def close(self) -> None:
        await self._http.aclose()

    # --- what a mini-app does ---

    async def issue_card(
        self,
        sub: str,
        card_type: str,
        /,
        *,
        key: str,
        number: str,
        fields: Mapping[str, str],
        expires_at: datetime | None = None,
    ) -> CardIssued:
        """Put a card of the manifest into a resident's wallet, or bring the one that is there up to date."""
        card = IssueCard(sub=sub, type=card_type, number=number, fields=dict(fields), expires_at=expires_at)
        return CardIssued.model_validate(await self._write("POST", CARDS_PATH, card, key))

    async def set_card_status(self, card_id: str, status: CardStatus, *, reason: str, key: str) -> None:
        change = SetCardStatus(status=status, reason=reason)
        await self._write("PUT", f"{CARDS_PATH}/{card_id}/status", change, key)

    async def notify(self, sub: str, template: str, /, *, key: str, **data: NoticeValue) -> NoticeAccepted:
        """Send a resident a notice of the manifest; a value may be {"en": …, "zh-CN": …}."""
        notice = SendNotice(sub=sub, template=template, data=data)
        return NoticeAccepted.model_validate(await self._write("POST", NOTICES_PATH, notice, key))

    async def _write(self, method: str, path: str, body: BaseModel, key: str) -> Any:
        content = body.model_dump_json(exclude_none=True).encode()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self.send(method, path, content, key=key)
            except PlatformUnreachable as away:
                if attempt == ATTEMPTS:
                    raise
                await asyncio.sleep(away.retry_after or 0.1 * 2**attempt * random.uniform(0.5, 1))
        raise AssertionError("the loop returns or raises")

    async def send(self, method: str, path: str, content: bytes, *, key: str) -> Any:
        """One try of a write in the mini-app's own name; the parsed answer, or None when there is no body."""
        for may_renew in (True, False):
            headers = {
                "authorization": f"Bearer {await self._own_token()}",
                "content-type": "application/json",
                IDEMPOTENCY_HEADER: key,
            }
            reply = await self._request(method, path, content=content, headers=headers)
            if reply.status_code != 401:
                return _answer(reply)
            if may_renew:
                self._token = None
        raise PlatformUnreachable(speech.TOKEN_NOT_TAKEN)

    # --- how it speaks for itself ---

    async def _own_token(self) -> str:
        async with self._token_lock:
            if self._token is None or self._token[1] <= time.monotonic():
                form = ClientCredentials(scope=self._scope, client_assertion=self._assertion(), client_id=self.app_id)
                try:
                    tokens = await self._tokens(form)
                except PlatformRefused as refused:
                    raise PlatformUnreachable(speech.TOKEN_NOT_GIVEN.format(status=refused.status)) from refused
                self._token = (tokens.access_token, time.monotonic() + tokens.expires_in - RENEW_BEFORE)
            return self._token[0]

    def _assertion(self) -> str:
        return self._key.client_assertion(self.app_id, self.base_url)

    async def _tokens(self, form: BaseModel) -> TokenReply:
        reply = await self._request("POST", TOKEN_PATH, data=form.model_dump(mode="json", exclude_none=True))
        return TokenReply.model_validate(_answer(reply))

    async def exchange(self, code: str, launch_id: UUID) -> tuple[TokenReply, dict[str, Any], UserInfo | None]:
        """A launch code becomes tokens, the claims of the ID token, and the profile if `profile:read` was granted.

        Asks again, with a fresh assertion, when no answer came; a launch that was opened is not opened again, although
        the city would answer a retry: who saw its address may not follow. Raises PlatformRefused for a used or old
        code, TokenRefused for an ID token that does not hold.
        """
        now = time.monotonic()
        self._opened = {launch: until for launch, until in self._opened.items() if until > now}
        if launch_id in self._opened:
            raise PlatformRefused(400, None)
        self._opened[launch_id] = now + LAUNCH_CODE_LIFETIME
        try:
            try:
                tokens = await self._traded(code, launch_id)
            except PlatformUnreachable:
                tokens = await self._traded(code, launch_id)
        except BaseException:
            self._opened.pop(launch_id, None)
            raise
        if tokens.id_token is None:
            raise jose.TokenRefused("there is no ID token")
        claims = await self._verified(tokens.id_token)
        if claims.get("nonce") != str(launch_id):
            raise jose.TokenRefused("it belongs to another launch")
        profile = None
        if Scope.PROFILE_READ in tokens.scope.split():
            headers = {"authorization": f"Bearer {tokens.access_token}"}
            profile = UserInfo.model_validate(_answer(await self._request("GET", USERINFO_PATH, headers=headers)))
            if profile.sub != claims["sub"]:
                raise jose.TokenRefused("the profile is another resident's")
        return tokens, claims, profile

    async def _traded(self, code: str, launch_id: UUID) -> TokenReply:
        form = CodeExchange(
            code=code,
            code_verifier=self._key.code_verifier(launch_id),
            redirect_uri=f"{self.origin}/",
            client_assertion=self._assertion(),
            client_id=self.app_id,
        )
        return await self._tokens(form)

    async def _verified(self, id_token: str) -> dict[str, Any]:
        def check() -> dict[str, Any]:
            return jose.verify(
                id_token, self.keys.get, issuer=self.base_url, audience=self.app_id, now=int(time.time())
            )

        try:
            return check()
        except jose.TokenRefused:
            if not await self.keys.look_again():
                raise
            return check()

    async def _request(self, method: str, path: str, **parts: Any) -> httpx2.Response:
        try:
            return await self._http.request(method, path, **parts)
        except httpx2.HTTPError as failed:
            raise PlatformUnreachable(type(failed).__name__) from failed


def _answer(reply: httpx2.Response) -> Any:
    status = reply.status_code
    if status < 300:
        return reply.json() if reply.content else None
    problem = None
    with suppress(ValidationError):
        problem = ProblemDocument.model_validate_json(reply.content)
    if status in (429, 502, 503, 504):
        retry_after = _seconds(reply.headers.get("retry-after"))
        # 429 is about this resident or this call; the others are about the platform.
        raise PlatformUnreachable(f"it answers {status}", retry_after, only_this_call=status == 429)
    if status >= 500 or (status == 409 and problem is not None and problem.code == "idempotency_key_in_use"):
        raise PlatformUnreachable(f"it answers {status}", only_this_call=True)
    raise PlatformRefused(status, problem)


def _seconds(header: str | None) -> float | None:
    return min(float(header), 60.0) if header and header.isdecimal() else None

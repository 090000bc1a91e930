"""A city in one process, with everybody and everything that a write needs, made quickly and in any number."""

import asyncio
import io
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from http.cookiejar import DefaultCookiePolicy
from unittest.mock import patch
from uuid import UUID

import httpx2
from argon2 import PasswordHasher
from banyan_sdk.keys import AppKey
from qrcode.image.pil import PilImage
from qrcode.main import QRCode

from app_server.authorization import clients
from app_server.authorization.issuing import resident_token
from app_server.authorization.registered import registered_clients
from app_server.authorization.service import subject_of
from app_server.identity import service as identity
from app_server.identity.factors import hashing
from app_server.kernel.access import Operator
from app_server.kernel.crypto import token_hash
from app_server.kernel.ids import uuid7
from app_server.registry.published import listings
from app_server.registry.service import By, found_organisation, register_listing
from card_wallet import readers
from card_wallet.schemas import AddVerifier
from tests.authenticator import Authenticator
from tests.authorization.relying_parties import CLINIC
from tests.city import City
from tests.factories import LIBRARY_MANIFEST, app_token

SCOPES = ("profile:read", "cards:issue", "notices:send")
VALUES = {"holder_name": "林依婷", "card_number": "FZ20260000417", "loans_open": "2"}
DESK = AddVerifier(name="Desk", place="Main hall", app_id="library", role="desk")


@dataclass(frozen=True, kw_only=True)
class Newcomer:
    """A resident who has just come, with an open session."""

    id: UUID
    session_id: UUID
    sub: str
    refresh_token: str
    headers: dict[str, str]


@dataclass(kw_only=True)
class Scene:
    """The city, one browser for everybody, and who runs things."""

    city: City
    http: httpx2.AsyncClient
    dice: random.Random
    key: AppKey
    operator: Operator
    operator_headers: dict[str, str]
    provider_headers: dict[str, str]
    picture: bytes

    def phone(self) -> str:
        """A number that nobody has used."""
        return f"+8613{self.dice.randrange(10**9):09}"

    async def newcomer(self, *, consents: bool = False) -> Newcomer:
        """Somebody new; with `consents` they let the library have all it asks for."""
        return await self._with_session(
            await identity.register_person(self.phone(), name="林依婷", roles=[], keys=self.city.state["keys"]),
            consents,
        )

    async def another_session(self, who: Newcomer) -> Newcomer:
        """The same person, signed in once more."""
        return await self._with_session(who.id, False)

    async def passkey(self, who: Newcomer) -> tuple[UUID, Authenticator]:
        """A passkey of theirs, and the device that has it."""
        device = Authenticator()
        asked = (await self.http.post("/v1/passkeys/challenges", headers=who.headers)).json()
        body = {"challenge_id": asked["challenge_id"], "credential": device.makes(asked["public_key"])}
        added = await self.http.post("/v1/passkeys", json=body, headers=who.headers)
        assert added.status_code == 201, added.text
        return UUID(added.json()["id"]), device

    async def _with_session(self, resident_id: UUID, consents: bool) -> Newcomer:
        city, session_id = self.city, uuid7()
        token, refresh = f"bs_{self.dice.getrandbits(128):032x}", f"br_{self.dice.getrandbits(128):032x}"
        await city.execute(
            "INSERT INTO core_session (id, resident_id, token_hash, user_agent, created_at, last_used_at, expires_at)"
            " VALUES ($1, $2, $3, '', now(), now(), now() + interval '1 day')",
            session_id,
            resident_id,
            token_hash(token),
        )
        await city.execute(
            "INSERT INTO core_refresh_token (id, session_id, token_hash, created_at) VALUES ($1, $2, $3, now())",
            uuid7(),
            session_id,
            token_hash(refresh),
        )
        client = city.state["ports"].clients.find("library")
        assert client is not None
        sub = subject_of(client, resident_id, city.state["keys"])
        for scope in SCOPES if consents else ():
            await city.execute(
                "INSERT INTO core_consent (id, resident_id, app_id, sub, scope, granted_at)"
                " VALUES ($1, $2, 'library', $3, $4, now())",
                uuid7(),
                resident_id,
                sub,
                scope,
            )
        return Newcomer(
            id=resident_id,
            session_id=session_id,
            sub=sub,
            refresh_token=refresh,
            headers={"authorization": f"Bearer {token}"},
        )

    def as_library(self, scope: str) -> dict[str, str]:
        """The library in its own name."""
        return {"authorization": f"Bearer {app_token(self.city, scope)}"}

    def launch_token(self, who: Newcomer) -> tuple[UUID, str]:
        """A launch of the library's, and the access token that it became."""
        launch_id, client = uuid7(), self.city.state["ports"].clients.find("library")
        assert client is not None
        token = resident_token(
            client,
            frozenset(SCOPES),
            resident_id=who.id,
            session_id=who.session_id,
            launch_id=launch_id,
            jkt=None,
            state=self.city.state,
        )
        return launch_id, token

    def proof(self) -> dict[str, str]:
        """The library proves itself at the token endpoint, once."""
        return {
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": self.key.client_assertion("library", self.city.settings.base_url),
        }

    async def client(self, **changes: bool) -> str:
        """The id of a client that the provider registered."""
        said = {**CLINIC, **changes}
        made = await self.http.post("/v1/provider/clients", json=said, headers=self.provider_headers)
        assert made.status_code == 201, made.text
        await registered_clients(self.city.state).refresh()
        return str(made.json()["client_id"])

    async def card(self, who: Newcomer) -> UUID:
        """A library card of theirs."""
        body = {"sub": who.sub, "type": "library-card", "number": "FZ20260000417", "fields": VALUES}
        headers = self.as_library("cards:issue") | {"idempotency-key": str(uuid7())}
        issued = await self.http.post("/v1/cards", json=body, headers=headers)
        assert issued.status_code == 201, issued.text
        return UUID(issued.json()["id"])

    async def notice(self, who: Newcomer) -> UUID:
        """A notice in their inbox."""
        return await self.city.state["ports"].inbox.deliver(
            resident_id=who.id,
            app_id="library",
            texts={"en": {"title": "Hello", "body": "Hello"}},
            link=None,
            unique_key=str(uuid7()),
        )

    async def reader(self) -> tuple[UUID, str]:
        """A reader's id, and the code that makes a device it."""
        added = await readers.add_verifier(DESK, by=self.operator, state=self.city.state)
        return added.id, added.enrolment_code

    async def enrolled_reader(self) -> tuple[UUID, dict[str, str]]:
        """A reader's id, and how its device proves itself."""
        verifier_id, _ = await self.reader()
        token = f"bv_{self.dice.getrandbits(128):032x}"
        await self.city.execute(
            "UPDATE card_wallet_verifier SET token_hash = $2, enrolled_at = now() WHERE id = $1",
            verifier_id,
            token_hash(token),
        )
        return verifier_id, {"authorization": f"Bearer {token}"}


@asynccontextmanager
async def scene(city: City, dice: random.Random) -> AsyncIterator[Scene]:
    """The library is published and answers launches; an operator and a provider are at work."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # what is slow is tested elsewhere
    with patch.object(clients, "MOST", 10**9), patch.object(hashing, "_ARGON", quick):  # one provider does for many
        async with _scene(city, dice) as built:
            yield built


@asynccontextmanager
async def _scene(city: City, dice: random.Random) -> AsyncIterator[Scene]:
    async with _launches() as endpoint, city.browser() as http:
        http.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # everybody is another browser
        organisation, key = await found_organisation("Fuzhou Library"), AppKey.generate()
        await register_listing(
            manifest=LIBRARY_MANIFEST,
            public_keys=[key.public_jwk()],
            endpoint=endpoint,
            organisation_id=organisation,
            by=By(kind="operator", id="seed"),
            clock=city.clock,
        )
        await listings(city.state).refresh()
        keys = city.state["keys"]
        wang = await identity.register_person("+8613800000009", name="王珊", roles=["operator"], keys=keys)
        wu = await identity.register_person(
            "+8613800000008", name="吴敏", roles=["provider"], organisation_id=organisation, keys=keys
        )
        drawn: QRCode[PilImage] = QRCode(image_factory=PilImage)
        picture = io.BytesIO()
        drawn.add_data("BC1:NOT-A-CARD")
        drawn.make_image().save(picture)
        built = Scene(
            city=city,
            http=http,
            dice=dice,
            key=key,
            operator=Operator(id=wang, session_id=UUID(int=0)),
            operator_headers={},
            provider_headers={},
            picture=picture.getvalue(),
        )
        built.operator_headers = (await built._with_session(wang, False)).headers
        built.provider_headers = (await built._with_session(wu, False)).headers
        city.clock.ahead = timedelta()
        yield built


@asynccontextmanager
async def _launches() -> AsyncIterator[str]:
    """A mini-app that answers every launch."""
    body = json.dumps({"code_challenge": "a" * 43}).encode()
    answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                await reader.readexactly(int(lengths[0].split(b":")[1]) if lengths else 0)
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in writers:
            writer.close()
        await asyncio.sleep(0)

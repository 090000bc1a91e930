"""The small city that everything is measured in: residents with a card and thirty notices each, readers, mini-apps."""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from banyan_sdk.keys import AppKey
from banyan_sdk.protocol import IssueCard

from app_server.authorization.service import give_consent
from app_server.database import migrate
from app_server.embedded.processes import free_port
from app_server.engines import Engines, engines
from app_server.identity.service import FIRST_PARTY, register_person
from app_server.kernel.access import Operator
from app_server.kernel.clock import system_clock
from app_server.kernel.crypto import KeyRing, token_hash
from app_server.kernel.ids import uuid7
from app_server.kernel.settings import Mode, Settings
from app_server.kernel.state import AppState
from app_server.kernel.tokens import sign
from app_server.kernel.unit_of_work import execute, in_unit_of_work
from app_server.process import process
from app_server.registry.published import listings
from app_server.registry.service import By, found_organisation, register_listing
from app_server.seed import BUNDLED, install_districts
from card_wallet import readers
from card_wallet.schemas import AddVerifier
from card_wallet.service import issue_card

RESIDENTS = 128
NOTICES = 30  # to each; a page shows 20
NEIGHBOURS = 16  # mini-apps beside the library: each may be called 1,000 times a second, so a load needs several
MANIFEST = json.loads((BUNDLED / "library" / "miniapp.json").read_text())
CARD = {"holder_name": "林依婷", "card_number": "FZ20260000417", "loans_open": "2"}
NOTICE = {
    "zh-CN": {"title": "借书成功", "body": "您已借阅《福州历代名人》，请于 2026-12-20 前归还。"},
    "en": {"title": "Borrowed", "body": "You borrowed “Notables of Fuzhou”; it is due on 2026-12-20."},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Citizen:
    """A resident, their session and their card."""

    id: UUID
    session_id: UUID
    card_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """What a benchmark finds in place."""

    settings: Settings
    keys: KeyRing
    logs: Path
    engines: Engines
    app_key: AppKey
    citizens: Sequence[Citizen]
    reader_id: UUID
    reader_token: str
    neighbour_port: int  # where all neighbours listen, once a benchmark starts them

    @property
    def engine_pids(self) -> list[int]:
        """PostgreSQL and Valkey, where they are our own."""
        own = (self.engines.postgres, self.engines.valkey)
        return [engine.child.pid for engine in own if engine is not None and engine.child is not None]

    @property
    def neighbours(self) -> list[str]:
        """Their app ids."""
        return [f"neighbour{number}" for number in range(NEIGHBOURS)]

    def token(self, citizen: Citizen) -> str:
        """An access token as sign-in gives it."""
        now, issuer = int(time.time()), self.settings.base_url
        claims: dict[str, object] = {
            "iss": issuer,
            "aud": issuer,
            "client_id": FIRST_PARTY,
            "sub": str(citizen.id),
            "roles": [],
        }
        claims |= {"sid": str(citizen.session_id), "org": None, "iat": now, "exp": now + 600, "jti": str(uuid7())}
        return sign(claims, typ="at+jwt", keys=self.keys)

    def ask(self, path: str, citizen: Citizen, *, host: str | None = None) -> str:
        """A GET with the citizen's access token, as it goes over the wire."""
        return get(path, f"authorization: Bearer {self.token(citizen)}", host=host)

    def ask_all(self, path: str) -> list[str]:
        """The same GET by everybody; `{card}` in the path is their card."""
        return [self.ask(path.format(card=citizen.card_id), citizen) for citizen in self.citizens]


def get(path: str, *headers: str, host: str | None = None) -> str:
    """A GET request as it goes over the wire."""
    lines = [f"GET {path} HTTP/1.1", f"host: {host or 'localhost'}", "accept: application/json", *headers]
    lines += ["accept-language: en", "", ""]
    return "\r\n".join(lines)


def post(path: str, content_type: str, body: str, *headers: str) -> str:
    """A POST request as it goes over the wire."""
    lines = [f"POST {path} HTTP/1.1", "host: localhost", "accept: application/json", *headers, "accept-language: en"]
    lines += [f"content-type: {content_type}", f"content-length: {len(body)}", "", body]
    return "\r\n".join(lines)


@contextmanager
def town(directory: Path) -> Iterator[Town]:
    """Engines, tables and people, until the end of the block. What is committed is on disk, as in production."""
    with engines(directory, durable=True, environ={}) as running:
        settings = Settings(
            mode=Mode.PRODUCTION,
            database_url=running.database_url,
            redis_url=running.redis_url,
            key_file=directory / "keys.json",
            port=(port := free_port()),
            base_url=f"http://localhost:{port}",
            allow_loopback_apps=True,
            log_level="WARNING",
        )
        KeyRing.create(settings.key_file, system_clock())
        asyncio.run(migrate(settings))
        yield asyncio.run(_plant(settings, directory / "logs", running))


async def _plant(settings: Settings, logs: Path, running: Engines) -> Town:
    async with process(settings) as state:
        await install_districts()
        app_key, neighbour_port = AppKey.generate(), free_port()
        await _register(MANIFEST, app_key, neighbour_port, state)
        for number in range(NEIGHBOURS):
            await _register({**MANIFEST, "app_id": f"neighbour{number}"}, app_key, neighbour_port, state)
        await listings(state).refresh()
        citizens = [await _citizen(number, state) for number in range(RESIDENTS)]
        asked = AddVerifier(name="Front desk", place="Main hall", app_id="library", role="desk")
        operator = Operator(id=uuid7(), session_id=uuid7())
        added = await readers.add_verifier(asked, by=operator, state=state)
        enrolled = await readers.enrol(added.enrolment_code, address="benchmarks", state=state)
        return Town(
            settings=settings,
            keys=state["keys"],
            logs=logs,
            engines=running,
            app_key=app_key,
            citizens=citizens,
            reader_id=enrolled.verifier.id,
            reader_token=enrolled.token,
            neighbour_port=neighbour_port,
        )


async def _register(manifest: dict[str, object], key: AppKey, port: int, state: AppState) -> None:
    await register_listing(
        manifest=manifest,
        public_keys=[key.public_jwk()],
        endpoint=f"http://127.0.0.1:{port}",
        organisation_id=await found_organisation("Fuzhou Library"),
        by=By(kind="operator", id="benchmarks"),
        clock=state["clock"],
    )


@in_unit_of_work
async def _citizen(number: int, state: AppState) -> Citizen:
    keys, phone = state["keys"], f"+86138{number:08}"
    resident_id = await register_person(phone, name="林依婷", roles=[], district_code="350102", locale="en", keys=keys)
    client = state["ports"].clients.find("library")
    assert client is not None
    await give_consent(resident_id, client, ["profile:read", "cards:issue", "notices:send"], state=state)
    sub = keys.pairwise(client.sector, resident_id)
    asked = IssueCard(sub=sub, type="library-card", number=f"FZ2026{number:07}", fields=CARD)
    card = await issue_card(asked, app_id="library", state=state)
    for notice in range(NOTICES):
        await state["ports"].inbox.deliver(
            resident_id=resident_id, app_id="library", texts=NOTICE, link="/loans", unique_key=f"notice {notice}"
        )
    session_id = uuid7()
    await execute(
        "INSERT INTO core_session (id, resident_id, token_hash, user_agent, created_at, last_used_at, expires_at)"
        " VALUES ($1, $2, $3, '', now(), now(), now() + interval '90 days')",
        session_id,
        resident_id,
        token_hash(f"bs_{session_id}"),
    )
    return Citizen(id=resident_id, session_id=session_id, card_id=card.id)

"""The clients that providers registered, held in every process and renewed by version, as listings are."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import orjson

from app_server.kernel.jwks import readable
from app_server.kernel.logs import logger
from app_server.kernel.ports import Client, Proof, ScopeRequest
from app_server.kernel.problems import TemporarilyUnavailable
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import fetch

ASK_EVERY = 1.5  # seconds between looks; with PATIENCE below 5 s
PATIENCE = 2.5  # seconds for one look

DETAILS = (
    "client_id, version, organisation_id, name, redirect_uris, post_logout_redirect_uris, backchannel_logout_uri,"
    " backchannel_logout_session_required, proof, public_keys, scopes, device_flow, dpop_bound, secret_hashes,"
    " created_at"
)

log = logger(__name__)


class RegisteredClients:
    """Registered clients by client id; the port `Clients` of this process. Asking costs a dictionary lookup.

    Until PostgreSQL was read once nobody can say what does not exist: asking raises `temporarily_unavailable`.
    """

    def __init__(self) -> None:
        self._by_id: dict[str, tuple[int, Client]] = {}
        self._known = False
        self._wake = asyncio.Event()
        self._refreshing = asyncio.Lock()  # one after the other, so that an older look never overwrites a newer one

    def find(self, app_id: str) -> Client | None:
        """The client, or None when there is none."""
        if not self._known:
            raise TemporarilyUnavailable()
        found = self._by_id.get(app_id)
        return found[1] if found else None

    async def refresh(self) -> None:
        """Bring every client up to its version in PostgreSQL."""
        async with self._refreshing:
            versions = {row["client_id"]: row["version"] for row in await fetch(_VERSIONS)}
            stale = [name for name, version in versions.items() if self._by_id.get(name, (0,))[0] != version]
            rows = await fetch(_DETAILS, stale) if stale else []
            fresh = {row["client_id"]: (row["version"], client_of(row)) for row in rows}
            self._by_id = {name: held for name, held in self._by_id.items() if name in versions} | fresh
            self._known = True

    async def watch(self) -> None:
        """Keep up to date until cancelled. Each look is a task of its own: it survives a database restart."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(ASK_EVERY):
                    await self._wake.wait()
            self._wake.clear()
            await asyncio.create_task(self.look())

    async def look(self) -> None:
        """Look at PostgreSQL once; a look that fails is logged, and the last good state stays."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self.refresh()
        except Exception as error:
            log.warning("clients_not_renewed", reason=type(error).__name__)

    def look_again(self) -> None:
        """Look at PostgreSQL now instead of at the next turn."""
        self._wake.set()


def client_of(row: Mapping[str, Any]) -> Client:
    """A row of `core_registered_client` as the token endpoint knows it.

    The clients of one organisation are one sector: they are one legal entity, and know a resident by one subject.
    """
    redirect_uris = orjson.loads(row["redirect_uris"])
    return Client(
        app_id=row["client_id"],
        name=orjson.loads(row["name"]),
        origin="",
        sector=f"organisation:{UUID(str(row['organisation_id']))}",
        redirect_uris=frozenset(redirect_uris),
        proof=Proof(row["proof"]),
        public_keys=readable(row["client_id"], orjson.loads(row["public_keys"])),
        scopes=[ScopeRequest(**scope) for scope in orjson.loads(row["scopes"])],
        post_logout_redirect_uris=frozenset(orjson.loads(row["post_logout_redirect_uris"] or "[]")),
        device_flow=row["device_flow"],
        dpop_bound=row["dpop_bound"],
        secret_hashes=orjson.loads(row["secret_hashes"] or "[]"),
        backchannel_logout_uri=row["backchannel_logout_uri"],
    )


def registered_clients(state: AppState) -> RegisteredClients:
    """The registered clients of this process."""
    clients: RegisteredClients = state["registered_clients"]  # type: ignore[typeddict-item]
    return clients


@asynccontextmanager
async def kept() -> AsyncIterator[RegisteredClients]:
    """The registered clients, read once and then renewed for the life of the process."""
    clients = RegisteredClients()
    await clients.look()
    watching = asyncio.create_task(clients.watch())
    try:
        yield clients
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


_VERSIONS = "SELECT client_id, version FROM core_registered_client WHERE removed_at IS NULL"
_DETAILS = f"SELECT {DETAILS} FROM core_registered_client WHERE client_id = ANY($1) AND removed_at IS NULL"

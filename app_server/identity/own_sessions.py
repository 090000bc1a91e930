"""Where a resident is signed in, as use cases: see it, name it, end it."""

from typing import Any
from uuid import UUID

from app_server.identity.devices import device_named_by
from app_server.identity.ending import end_sessions
from app_server.identity.known_devices import forget_devices
from app_server.identity.schemas import SessionPage, SessionView
from app_server.kernel.crypto import KeyRing
from app_server.kernel.problems import NotFound
from app_server.kernel.schemas import PageRequest
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import fetch, fetchrow, in_unit_of_work

_SHOWN = "id, user_agent, method, network_sealed, name_sealed, created_at, last_used_at"


async def sessions_of_resident(resident_id: UUID, page: PageRequest, *, here: UUID, state: AppState) -> SessionPage:
    """The open sessions of people's devices, the newest first; `here` is the one that asks."""
    rows = await fetch(
        f"SELECT {_SHOWN} FROM core_session WHERE resident_id = $1 AND client_id IS NULL AND mandate_id IS NULL"
        " AND ended_at IS NULL AND expires_at > $2 AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC LIMIT $4",
        resident_id,
        state["clock"](),
        page.place(UUID),
        page.limit + 1,
    )
    shown, following = page.part(rows, "id")
    return SessionPage(items=[_view(row, here, state["keys"]) for row in shown], next=following)


@in_unit_of_work
async def rename_session(
    resident_id: UUID, session_id: UUID, name: str | None, *, here: UUID, keys: KeyRing
) -> SessionView:
    """Call the device otherwise. Problem: `not_found`, also for a session that is over."""
    row = await fetchrow(
        "UPDATE core_session SET name_sealed = $3 WHERE id = $1 AND resident_id = $2 AND client_id IS NULL"
        f" AND ended_at IS NULL RETURNING {_SHOWN}",
        session_id,
        resident_id,
        keys.seal("session.name", name) if name else None,
    )
    if row is None:
        raise NotFound()
    return _view(row, here, keys)


@in_unit_of_work
async def end_one(resident_id: UUID, session_id: UUID, *, here: UUID, state: AppState) -> list[UUID]:
    """End a session and what hangs on it; the ids of all of them. Problem: `not_found`.

    Unless it is the one that asks, its device is news when it comes back.
    """
    own = "id = $1 AND resident_id = $2 AND client_id IS NULL"
    if not await fetch(f"SELECT 1 FROM core_session WHERE {own}", session_id, resident_id):
        raise NotFound()
    rows = await end_sessions(own, session_id, resident_id, at=state["clock"]())
    if session_id != here:
        await forget_devices(resident_id, [row["device_hash"] for row in rows])
    return [row["id"] for row in rows]


@in_unit_of_work
async def end_all_others(resident_id: UUID, *, here: UUID, state: AppState) -> list[UUID]:
    """End every session but the one that asks, with what hangs on it; their ids. What a service may do while the
    resident is away stays: it hangs on no device.
    """
    rows = await end_sessions(
        "resident_id = $1 AND client_id IS NULL AND id <> $2", resident_id, here, at=state["clock"]()
    )
    await forget_devices(resident_id, [row["device_hash"] for row in rows])
    return [row["id"] for row in rows]


def _view(row: Any, here: UUID, keys: KeyRing) -> SessionView:
    device = device_named_by(row["user_agent"])
    return SessionView(
        id=row["id"],
        current=row["id"] == here,
        name=keys.open("session.name", row["name_sealed"]) if row["name_sealed"] else None,
        browser=device.browser,
        system=device.system,
        method=row["method"],
        network=keys.open("session.network", row["network_sealed"]) if row["network_sealed"] else None,
        opened_at=row["created_at"],
        last_used_at=row["last_used_at"],
    )

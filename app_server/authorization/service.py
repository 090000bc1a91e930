"""Consent and launch codes, as use cases."""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from app_server.authorization.events import ConsentWithdrawn
from app_server.authorization.models import LaunchCode
from app_server.authorization.problems import ScopeUnknown
from app_server.identity.service import end_grants
from app_server.identity.sessions import sessions_of
from app_server.kernel.clearing import again, delete_page
from app_server.kernel.crypto import KeyRing, token_hash
from app_server.kernel.events import record
from app_server.kernel.ids import uuid7
from app_server.kernel.ports import Client, ScopeRequest
from app_server.kernel.problems import FieldError, NotFound
from app_server.kernel.schemas import PageRequest
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import after_commit, execute, fetch, fetchrow, in_unit_of_work

CODE_LIFE = timedelta(seconds=60)


def subject_of(client: Client, resident_id: UUID, keys: KeyRing) -> str:
    """The pairwise subject: apps of one sector know a resident by one, others by another."""
    return keys.pairwise(client.sector, resident_id)


async def granted_scopes(resident_id: UUID, app_id: str) -> frozenset[str]:
    """The scopes that the resident allows the app now."""
    rows = await fetch(
        "SELECT scope FROM core_consent WHERE resident_id = $1 AND app_id = $2 AND withdrawn_at IS NULL",
        resident_id,
        app_id,
    )
    return frozenset(row["scope"] for row in rows)


async def decided_scopes(resident_id: UUID, app_id: str) -> tuple[frozenset[str], frozenset[str]]:
    """The scopes that the resident allows the app now, and those that they refused it or took back."""
    rows = await fetch(
        "SELECT scope, bool_or(withdrawn_at IS NULL) AS stands FROM core_consent"
        " WHERE resident_id = $1 AND app_id = $2 GROUP BY scope",
        resident_id,
        app_id,
    )
    granted = frozenset(row["scope"] for row in rows if row["stands"])
    return granted, frozenset(row["scope"] for row in rows) - granted


async def missing_scopes(resident_id: UUID, client: Client) -> Sequence[ScopeRequest]:
    """What the app cannot open without and the resident has not allowed."""
    granted = await granted_scopes(resident_id, client.app_id)
    return [asked for asked in client.scopes if asked.required and asked.scope not in granted]


async def granted_resident(app_id: str, sub: str, scope: str) -> UUID | None:
    """The resident whom the app knows as `sub`, if they allow it this scope now."""
    row = await fetchrow(
        "SELECT resident_id FROM core_consent WHERE app_id = $1 AND sub = $2 AND scope = $3 AND withdrawn_at IS NULL",
        app_id,
        sub,
        scope,
    )
    return row["resident_id"] if row else None


@in_unit_of_work
async def give_consent(resident_id: UUID, client: Client, scopes: Sequence[str], *, state: AppState) -> None:
    """Allow the app these scopes; those allowed already stay as they are. Problem: `scope_unknown`."""
    known = {"openid"} | {asked.scope for asked in client.scopes}
    if unknown := [scope for scope in scopes if scope not in known]:
        raise ScopeUnknown(errors=[FieldError(pointer="/scopes", detail=f"Not asked for: {', '.join(unknown)}.")])
    sub = subject_of(client, resident_id, state["keys"])
    for scope in sorted(set(scopes)):
        await execute(
            "INSERT INTO core_consent (id, resident_id, app_id, sub, scope, granted_at) VALUES ($1, $2, $3, $4, $5, $6)"
            " ON CONFLICT (resident_id, app_id, scope) WHERE withdrawn_at IS NULL DO NOTHING",
            uuid7(),
            resident_id,
            client.app_id,
            sub,
            scope,
            state["clock"](),
        )


@in_unit_of_work
async def refuse_consent(resident_id: UUID, client: Client, scopes: Sequence[str], *, state: AppState) -> None:
    """Remember that the resident does not allow these scopes; what stands of them is taken back."""
    now, sub = state["clock"](), subject_of(client, resident_id, state["keys"])
    for scope in sorted(set(scopes)):
        taken_back = await execute(
            "UPDATE core_consent SET withdrawn_at = $4"
            " WHERE resident_id = $1 AND app_id = $2 AND scope = $3 AND withdrawn_at IS NULL",
            resident_id,
            client.app_id,
            scope,
            now,
        )
        if taken_back:
            await _taken_back(resident_id, client.app_id, sub, scope, state)
            continue
        await execute(
            "INSERT INTO core_consent (id, resident_id, app_id, sub, scope, granted_at, withdrawn_at)"
            " SELECT $1, $2, $3::text, $4, $5::text, $6, $6 WHERE NOT EXISTS ("
            "SELECT 1 FROM core_consent WHERE resident_id = $2 AND app_id = $3 AND scope = $5)",
            uuid7(),
            resident_id,
            client.app_id,
            sub,
            scope,
            now,
        )


@in_unit_of_work
async def withdraw_consent(resident_id: UUID, consent_id: UUID, *, state: AppState) -> None:
    """Take a scope back; the app hears of it. Nothing happens the second time. Problem: `not_found`."""
    row = await fetchrow(
        "UPDATE core_consent SET withdrawn_at = $3 WHERE id = $1 AND resident_id = $2 AND withdrawn_at IS NULL"
        " RETURNING app_id, sub, scope",
        consent_id,
        resident_id,
        state["clock"](),
    )
    if row is not None:
        await _taken_back(resident_id, row["app_id"], row["sub"], row["scope"], state)
    elif not await fetch("SELECT 1 FROM core_consent WHERE id = $1 AND resident_id = $2", consent_id, resident_id):
        raise NotFound()


async def _taken_back(resident_id: UUID, app_id: str, sub: str, scope: str, state: AppState) -> None:
    """The app hears of it. What a client holds ends with `openid`; what goes on while she is away, with that scope."""
    await record(ConsentWithdrawn(resident_id=resident_id, app_id=app_id, sub=sub, scope=scope))
    if scope == "openid":  # a code that is not traded yet is nothing more; who trades it now is waited for
        await execute(
            "UPDATE core_launch_code SET used_at = $3 WHERE resident_id = $1 AND app_id = $2 AND used_at IS NULL",
            resident_id,
            app_id,
            state["clock"](),
        )
    if scope in ("openid", "offline_access"):
        ended = await end_grants(resident_id, app_id, lasting_only=scope == "offline_access", state=state)
        after_commit(lambda: sessions_of(state).forget(ended))


async def consents_of(resident_id: UUID, page: PageRequest) -> list[Any]:
    """One more than the page of consents that stand, the newest first: id, app_id, scope, granted_at."""
    return await fetch(
        "SELECT id, app_id, scope, granted_at FROM core_consent"
        " WHERE resident_id = $1 AND withdrawn_at IS NULL AND ($2::uuid IS NULL OR id < $2)"
        " ORDER BY id DESC LIMIT $3",
        resident_id,
        page.place(UUID),
        page.limit + 1,
    )


@in_unit_of_work
async def mint_code(
    *,
    client: Client,
    resident_id: UUID,
    session_id: UUID,
    launch_id: UUID,
    redirect_uri: str,
    code_challenge: str,
    nonce: str | None = None,
    scopes: frozenset[str] | None = None,
    dpop_jkt: str | None = None,
    id_token_claims: frozenset[str] = frozenset(),
    state: AppState,
) -> str:
    """A one-time code, good for `CODE_LIFE`. For a launch, `nonce` and `scopes` are its id and all that is granted.

    `id_token_claims` stand in the ID token if a scope gives them; all that scopes give stand in the userinfo.
    """
    code = secrets.token_urlsafe(32)
    await LaunchCode.create(
        code_hash=token_hash(code),
        app_id=client.app_id,
        resident_id=resident_id,
        session_id=session_id,
        launch_id=launch_id,
        redirect_uri=redirect_uri,
        code_challenge=code_challenge,
        nonce=nonce,
        scope=None if scopes is None else " ".join(sorted(scopes)),
        dpop_jkt=dpop_jkt,
        id_token_claims=" ".join(sorted(id_token_claims)) or None,
        expires_at=state["clock"]() + CODE_LIFE,
    )
    return code


@in_unit_of_work
async def forget_used(state: AppState) -> None:
    """Remove codes, requests and assertions that could not be accepted any more."""
    before = state["clock"]() - timedelta(hours=1)
    await again(
        "forget_used_codes",
        await delete_page("core_authorization_request", "expires_at < $1", state["clock"]()),
        await delete_page("core_device_request", "expires_at < $1", before),
        await delete_page("core_launch_code", "expires_at < $1", before),
        await delete_page("core_used_assertion", "expires_at < $1", before),
    )

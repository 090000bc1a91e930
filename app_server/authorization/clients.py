"""Clients that providers register, as use cases: programs that sign residents in with the city's login."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from app_server.authorization import mistakes, redirect_uris
from app_server.authorization.registered import DETAILS, client_of, registered_clients
from app_server.authorization.schemas import ClientErrors, ClientErrorView, ClientPage, ClientView, DescribeClient
from app_server.kernel.access import Provider
from app_server.kernel.audit import audit
from app_server.kernel.ids import uuid7
from app_server.kernel.jwks import mistake_in
from app_server.kernel.ports import Proof
from app_server.kernel.problems import FieldError, NotFound, PreconditionFailed, ValidationFailed
from app_server.kernel.remedies import pointer
from app_server.kernel.schemas import PageRequest
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import after_commit, execute, fetch, fetchrow, in_unit_of_work

MOST = 50  # clients of one organisation
COLUMNS = (  # as `_columns` gives them
    "name, redirect_uris, post_logout_redirect_uris, backchannel_logout_uri, backchannel_logout_session_required,"
    " proof, public_keys, scopes, device_flow, dpop_bound"
)
PARTS = ("kty", "crv", "x", "y", "kid", "use", "alg")  # what is kept of a public key


@in_unit_of_work
async def register(asked: DescribeClient, *, by: Provider, state: AppState) -> ClientView:
    """A new client of the provider's organisation, open at once. Raises `validation_failed`."""
    _check(asked, state, has_secret=False)
    await execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"clients of {by.organisation_id}")
    if len(await _rows(by, None, UUID(int=0), MOST)) >= MOST:
        raise ValidationFailed(f"An organisation has at most {MOST} clients. Remove one that is not used any more.")
    row = await fetchrow(
        "INSERT INTO core_registered_client"
        f" (id, client_id, organisation_id, created_at, version, {COLUMNS})"
        f" VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING id, {DETAILS}",
        uuid7(),
        f"c_{secrets.token_hex(8)}",
        by.organisation_id,
        state["clock"](),
        *_columns(asked),
    )
    return await _told("client.registered", row, by, state)


@in_unit_of_work
async def change(
    client_id: str, asked: DescribeClient, *, version: int | None, by: Provider, state: AppState
) -> ClientView:
    """Set all that the client says of itself, for every process within five seconds.

    Problems: `not_found`, `precondition_failed` when `version` is given and stale, `validation_failed`.
    """
    before = await _own(client_id, by)
    _check(asked, state, has_secret=before["proof"] == Proof.CLIENT_SECRET_BASIC)
    if version is not None and version != before["version"]:
        raise PreconditionFailed()
    row = await fetchrow(
        f"UPDATE core_registered_client SET ({COLUMNS}) = ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11),"
        " secret_hashes = CASE WHEN $12 THEN secret_hashes END, version = version + 1"
        f" WHERE id = $1 RETURNING id, {DETAILS}",
        before["id"],
        *_columns(asked),
        asked.proof is Proof.CLIENT_SECRET_BASIC,
    )
    return await _told("client.changed", row, by, state)


@in_unit_of_work
async def remove(client_id: str, *, by: Provider, state: AppState) -> None:
    """Close the client, in every process within five seconds: nobody signs in with it, and its tokens die.

    Raises `not_found`.
    """
    row = await _own(client_id, by)
    await execute("UPDATE core_registered_client SET removed_at = $2 WHERE id = $1", row["id"], state["clock"]())
    await execute("DELETE FROM core_client_error WHERE client_id = $1", client_id)
    await _told("client.removed", row, by, state)


@in_unit_of_work
async def close(client_id: str, *, reason: str, by: str, now: datetime) -> bool:
    """Close anybody's client in the city's name, as `remove` does for its provider; whether it was open."""
    closed = await fetchrow(
        "UPDATE core_registered_client SET removed_at = $2 WHERE client_id = $1 AND removed_at IS NULL RETURNING id",
        client_id,
        now,
    )
    if closed is None:
        return False
    await execute("DELETE FROM core_client_error WHERE client_id = $1", client_id)
    await audit("system", by, "client.closed", f"client:{client_id}", reason=reason)
    return True


async def client_page(by: Provider, page: PageRequest) -> ClientPage:
    """The clients of the provider's organisation, the oldest first."""
    shown, following = page.part(await _rows(by, None, page.place(UUID) or UUID(int=0), page.limit + 1), "id")
    return ClientPage(items=[_view(row) for row in shown], next=following)


async def client_view(client_id: str, *, by: Provider) -> ClientView:
    """One client of the provider's organisation. Raises `not_found`."""
    rows = await _rows(by, client_id, UUID(int=0), 1)
    if not rows:
        raise NotFound()
    return _view(rows[0])


async def error_page(client_id: str, page: PageRequest, *, by: Provider) -> ClientErrors:
    """What was wrong in the client's requests, the newest first. Raises `not_found`."""
    rows = await mistakes.written(client_id, page)
    await client_view(client_id, by=by)
    shown, following = page.part(rows, "id")
    items = [
        ClientErrorView(at=row["at"], endpoint=row["endpoint"], error=row["error"], description=row["description"])
        for row in shown
    ]
    return ClientErrors(items=items, next=following)


async def _rows(by: Provider, client_id: str | None, after: UUID, most: int) -> list[Any]:
    return await fetch(
        f"SELECT id, {DETAILS} FROM core_registered_client WHERE organisation_id = $1 AND removed_at IS NULL"
        " AND ($2::text IS NULL OR client_id = $2) AND id > $3 ORDER BY id LIMIT $4",
        by.organisation_id,
        client_id,
        after,
        most,
    )


async def _own(client_id: str, by: Provider) -> Any:
    row = await fetchrow(
        f"SELECT id, {DETAILS} FROM core_registered_client"
        " WHERE client_id = $1 AND organisation_id = $2 AND removed_at IS NULL FOR UPDATE",
        client_id,
        by.organisation_id,
    )
    if row is None:
        raise NotFound()
    return row


async def _told(action: str, row: Any, by: Provider, state: AppState) -> ClientView:
    view = _view(row)
    details = {"redirect_uris": view.redirect_uris, "kids": sorted(client_of(row).public_keys)}
    await audit("provider", by.id, action, f"client:{view.client_id}", details=details)
    after_commit(registered_clients(state).look_again)
    return view


def _check(asked: DescribeClient, state: AppState, *, has_secret: bool) -> None:
    own, errors = state["settings"].base_url, []
    if not asked.redirect_uris and not asked.device_flow:
        detail = "Send at least one, unless only screens ask (device_flow)."
        errors.append(FieldError(pointer="/redirect_uris", detail=detail))
    for member in ("redirect_uris", "post_logout_redirect_uris"):
        for place, uri in enumerate(getattr(asked, member)):
            if mistake := redirect_uris.mistake_in(uri, asked.proof, own):
                errors.append(FieldError(pointer=pointer((member, place)), detail=mistake))
    receiver, loopback = asked.backchannel_logout_uri, state["settings"].allow_loopback_apps
    if receiver is not None and (mistake := redirect_uris.mistake_in_receiver(receiver, own, allow_loopback=loopback)):
        errors.append(FieldError(pointer="/backchannel_logout_uri", detail=mistake))
    if asked.proof is Proof.PRIVATE_KEY_JWT and (mistake := mistake_in(asked.public_keys)):
        errors.append(FieldError(pointer="/public_keys", detail=mistake))
    if not all(_is_text(key.get(part, "")) for key in asked.public_keys for part in PARTS):
        detail = f"Send {', '.join(PARTS)} of a public key as texts."
        errors.append(FieldError(pointer="/public_keys", detail=detail))
    if asked.proof is not Proof.PRIVATE_KEY_JWT and asked.public_keys:
        detail = "Only a client that proves itself by a key has keys: leave them out."
        errors.append(FieldError(pointer="/public_keys", detail=detail))
    if asked.proof is Proof.CLIENT_SECRET_BASIC and not has_secret:
        detail = "Only the city gives a client a secret. Use a key (private_key_jwt), or ask the city."
        errors.append(FieldError(pointer="/proof", detail=detail))
    if len({scope.scope for scope in asked.scopes}) != len(asked.scopes):
        errors.append(FieldError(pointer="/scopes", detail="Name each scope once."))
    if errors:
        raise ValidationFailed(errors=errors)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.isprintable()


def _columns(asked: DescribeClient) -> list[str | bool | None]:
    said = asked.model_dump(mode="json", by_alias=True, exclude={"public_keys"})
    return [
        orjson.dumps(said["name"]).decode(),
        orjson.dumps(said["redirect_uris"]).decode(),
        orjson.dumps(said["post_logout_redirect_uris"]).decode(),
        said["backchannel_logout_uri"],
        said["backchannel_logout_session_required"],
        said["proof"],
        orjson.dumps([{part: key[part] for part in PARTS if part in key} for key in asked.public_keys]).decode(),
        orjson.dumps(said["scopes"]).decode(),
        asked.device_flow,
        asked.dpop_bound_access_tokens,
    ]


def _view(row: Mapping[str, Any]) -> ClientView:
    return ClientView(
        client_id=row["client_id"],
        name=orjson.loads(row["name"]),
        redirect_uris=orjson.loads(row["redirect_uris"]),
        post_logout_redirect_uris=orjson.loads(row["post_logout_redirect_uris"] or "[]"),
        backchannel_logout_uri=row["backchannel_logout_uri"],
        backchannel_logout_session_required=row["backchannel_logout_session_required"],
        proof=Proof(row["proof"]),
        public_keys=orjson.loads(row["public_keys"]),
        dpop_bound_access_tokens=row["dpop_bound"],
        scopes=orjson.loads(row["scopes"]),
        device_flow=row["device_flow"],
        version=row["version"],
        created_at=row["created_at"],
    )

"""The device flow (RFC 8628) as use cases: a screen asks, a resident opens it with her phone and decides, the screen
hears of it.

An allowed device code is a code like any other (`core_launch_code`) and is traded as such.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from app_server.authorization.asking import LONGEST, check_challenge
from app_server.authorization.events import ScreenAllowed
from app_server.authorization.models import LaunchCode
from app_server.authorization.problems import DeviceCodeOver, DeviceCodeTaken, OAuthError, UserCodeUnknown
from app_server.authorization.service import CODE_LIFE, give_consent, refuse_consent
from app_server.authorization.user_codes import new_number, new_user_code, shown
from app_server.identity.devices import network_of
from app_server.kernel.access import Resident
from app_server.kernel.crypto import KeyRing, token_hash
from app_server.kernel.events import record
from app_server.kernel.ids import uuid7
from app_server.kernel.limits import Rate, limit
from app_server.kernel.ports import Client
from app_server.kernel.resealing import Sealed
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute, fetchrow, in_unit_of_work

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
NO_CHALLENGE = ""  # PKCE is the device's choice here; no verifier has this one
LIFE = timedelta(minutes=10)  # for somebody who must sign in first; the shorter, the less a stolen code is worth
INTERVAL = timedelta(seconds=5)
SLOWER = timedelta(seconds=5)  # RFC 8628 §3.5
EARLY = timedelta(milliseconds=500)  # clocks and networks are not exact
PER_RESIDENT = Rate(most=20, per=timedelta(minutes=10))  # codes and numbers that somebody enters
PER_ADDRESS = Rate(most=300, per=timedelta(minutes=10))  # a hall full of people
NETWORK = Sealed(table="core_device_request", column="network_sealed", field="device.network")


class Standing(StrEnum):
    """What has become of a device's request."""

    PENDING = "authorization_pending"
    TOO_SOON = "slow_down"
    DENIED = "access_denied"
    EXPIRED = "expired_token"
    UNKNOWN = "invalid_grant"
    ALLOWED = "allowed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """What a screen has to show, and the code that only the device knows. `name` stands in the QR code."""

    device_code: str
    user_code: str
    number: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A request that a resident has in front of her. `network` is where it was asked from, as far as it says something;
    `allowed` is None while she has not decided.
    """

    id: UUID
    client: Client
    scopes: frozenset[str]
    network: str | None
    created_at: datetime
    allowed: bool | None


async def begin(client: Client, form: Mapping[str, str], *, address: str, state: AppState) -> Begun:
    """Keep what a device asks; nobody has decided on it. Raises `OAuthError`."""
    if not client.device_flow:
        raise OAuthError("unauthorized_client", "the device flow is not switched on for this client")
    scopes = frozenset(form.get("scope", "").split())
    if "openid" not in scopes:
        raise OAuthError("invalid_scope", "scope must have openid")
    if any(len(value) > LONGEST for value in form.values()):
        raise OAuthError("invalid_request", "a parameter is too long")
    if "code_challenge" in form or "code_challenge_method" in form:
        check_challenge(form, OAuthError)
    known = scopes & ({"openid"} | {each.scope for each in client.scopes})
    return await _keep(client, known, form.get("code_challenge"), address, state)


@in_unit_of_work
async def _keep(client: Client, scopes: frozenset[str], challenge: str | None, address: str, state: AppState) -> Begun:
    keys, now, network = state["keys"], state["clock"](), network_of(address)
    while True:
        begun, request_id = _drawn(), uuid7()
        kept = await execute(  # two screens with one user code cannot be told apart
            "INSERT INTO core_device_request (id, device_code_hash, user_code_index, name_hash, number_index,"
            " client_id, scope, code_challenge, network_sealed, created_at, expires_at, interval_seconds)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (user_code_index) DO NOTHING",
            request_id,
            token_hash(begun.device_code),
            _code_index(keys, begun.user_code),
            token_hash(begun.name),
            _number_index(keys, request_id, begun.number),
            client.app_id,
            " ".join(sorted(scopes)),
            challenge,
            keys.seal(NETWORK.field, network) if network else None,
            now,
            now + LIFE,
            int(INTERVAL.total_seconds()),
        )
        if kept:
            return begun


def _drawn() -> Begun:
    return Begun(
        device_code=f"bd_{secrets.token_urlsafe(32)}",
        user_code=new_user_code(),
        number=new_number(),
        name=secrets.token_urlsafe(16),
    )


def answer(begun: Begun, *, base_url: str) -> dict[str, Any]:
    """What the device is told (RFC 8628 §3.2). The address in the QR code does not have the user code: who has only the
    picture has not what the screen shows beside it.
    """
    return {
        "device_code": begun.device_code,
        "user_code": shown(begun.user_code),
        "verification_uri": f"{base_url}/device",
        "verification_uri_complete": f"{base_url}/device/{begun.name}",
        "expires_in": int(LIFE.total_seconds()),
        "interval": int(INTERVAL.total_seconds()),
        "banyan_number": begun.number,
        "banyan_qr_uri": f"{base_url}/oauth/device_authorization/{begun.name}/qr",
    }


async def spare(resident_id: UUID, address: str, *, state: AppState) -> None:
    """Raise `too_many_requests` when somebody enters codes too often. Without Valkey nobody enters any."""
    await limit(state["redis"], "device:resident", str(resident_id), PER_RESIDENT, fail_open=False)
    await limit(state["redis"], "device:address", address, PER_ADDRESS, fail_open=False)


async def asks(name: str, *, state: AppState) -> Client:
    """Whose screen shows this QR code. Problem: `device_code_over`."""
    row = await fetchrow(
        "SELECT client_id FROM core_device_request WHERE name_hash = $1 AND allowed IS NULL AND expires_at > $2",
        token_hash(name),
        state["clock"](),
    )
    return _client(row, state)


@in_unit_of_work
async def open_by_number(name: str, number: str, *, by: Resident, state: AppState) -> UUID | None:
    """Open the request of a QR code with the number that stands beside it; its id.

    One try: with another number the request is denied, and this is None. Problems: `device_code_over`,
    `device_code_taken`.
    """
    row = await fetchrow(
        "SELECT id, client_id, number_index, session_id, allowed FROM core_device_request"
        " WHERE name_hash = $1 AND expires_at > $2 FOR UPDATE",
        token_hash(name),
        state["clock"](),
    )
    request_id = _openable(row, by, state)
    if not secrets.compare_digest(row["number_index"], _number_index(state["keys"], request_id, number)):
        await execute("UPDATE core_device_request SET allowed = FALSE WHERE id = $1", request_id)
        return None
    return await _open(request_id, by)


@in_unit_of_work
async def open_by_code(user_code: str, *, by: Resident, state: AppState) -> UUID:
    """Open the request of a screen that shows this user code; its id. Problems: `user_code_unknown`,
    `device_code_over`, `device_code_taken`.
    """
    row = await fetchrow(
        "SELECT id, client_id, session_id, allowed FROM core_device_request"
        " WHERE user_code_index = $1 AND expires_at > $2 FOR UPDATE",
        _code_index(state["keys"], user_code),
        state["clock"](),
    )
    if row is None:
        raise UserCodeUnknown()
    return await _open(_openable(row, by, state), by)


def _openable(row: Any, by: Resident, state: AppState) -> UUID:
    if row is None or row["allowed"] is not None:
        raise DeviceCodeOver()
    _client(row, state)
    if row["session_id"] not in (None, by.session_id):
        raise DeviceCodeTaken()
    request_id: UUID = row["id"]
    return request_id


async def _open(request_id: UUID, by: Resident) -> UUID:
    await execute("UPDATE core_device_request SET session_id = $2 WHERE id = $1", request_id, by.session_id)
    return request_id


async def opened(request_id: UUID, *, by: Resident, state: AppState) -> Opened:
    """The request that this session opened. Problem: `device_code_over`."""
    row = await fetchrow(
        "SELECT id, client_id, scope, network_sealed, created_at, allowed FROM core_device_request"
        " WHERE id = $1 AND session_id = $2 AND (expires_at > $3 OR allowed IS NOT NULL)",
        request_id,
        by.session_id,
        state["clock"](),
    )
    client = _client(row, state)
    sealed = row["network_sealed"]
    return Opened(
        id=request_id,
        client=client,
        scopes=frozenset(row["scope"].split()),
        network=state["keys"].open(NETWORK.field, sealed) if sealed else None,
        created_at=row["created_at"],
        allowed=row["allowed"],
    )


@in_unit_of_work
async def allow(
    request: Opened, *, allowed: Sequence[str], refused: Sequence[str], by: Resident, state: AppState
) -> None:
    """Keep what the resident decided; the device's next question is answered with tokens. The first decision stands."""
    row = await _decide(request.id, True, by, state)
    if row is None:
        return
    await give_consent(by.id, request.client, allowed, state=state)
    await refuse_consent(by.id, request.client, refused, state=state)
    await LaunchCode.create(
        code_hash=row["device_code_hash"],
        app_id=request.client.app_id,
        resident_id=by.id,
        session_id=by.session_id,
        launch_id=uuid7(),
        redirect_uri=DEVICE_GRANT,
        code_challenge=row["code_challenge"] or NO_CHALLENGE,
        scope=row["scope"],
        expires_at=max(row["expires_at"], state["clock"]() + CODE_LIFE),
    )
    await record(ScreenAllowed(resident_id=by.id, client_id=request.client.app_id, request_id=request.id))


@in_unit_of_work
async def deny(request: Opened, *, by: Resident, state: AppState) -> None:
    """The resident does not want this. The first decision stands."""
    await _decide(request.id, False, by, state)


async def _decide(request_id: UUID, allowed: bool, by: Resident, state: AppState) -> Any:
    return await fetchrow(
        "UPDATE core_device_request SET allowed = $4"
        " WHERE id = $1 AND session_id = $2 AND allowed IS NULL AND expires_at > $3"
        " RETURNING device_code_hash, code_challenge, scope, expires_at",
        request_id,
        by.session_id,
        state["clock"](),
        allowed,
    )


@in_unit_of_work
async def poll(client: Client, device_code: str, *, state: AppState) -> Standing:
    """What has become of the request, for the device that asks; who asks too soon must ask more seldom from now on."""
    row = await fetchrow(
        "SELECT id, allowed, expires_at, polled_at, interval_seconds FROM core_device_request"
        " WHERE device_code_hash = $1 AND client_id = $2 FOR UPDATE",
        token_hash(device_code),
        client.app_id,
    )
    if row is None:
        return Standing.UNKNOWN
    if row["allowed"] is not None:
        return Standing.ALLOWED if row["allowed"] else Standing.DENIED
    now, interval = state["clock"](), timedelta(seconds=row["interval_seconds"])
    if row["expires_at"] <= now:
        return Standing.EXPIRED
    too_soon = row["polled_at"] is not None and now < row["polled_at"] + interval - EARLY
    if too_soon:
        interval += SLOWER
    await execute(
        "UPDATE core_device_request SET polled_at = $2, interval_seconds = $3 WHERE id = $1",
        row["id"],
        now,
        int(interval.total_seconds()),
    )
    return Standing.TOO_SOON if too_soon else Standing.PENDING


def _client(row: Any, state: AppState) -> Client:
    client = state["ports"].clients.find(row["client_id"]) if row is not None else None
    if client is None or not client.device_flow:
        raise DeviceCodeOver()
    return client


def _code_index(keys: KeyRing, user_code: str) -> str:
    return keys.blind_index("device.user_code", user_code).hex()


def _number_index(keys: KeyRing, request_id: UUID, number: str) -> str:
    return keys.blind_index("device.number", f"{request_id}\0{number}").hex()

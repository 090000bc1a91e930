"""Authorization requests, from the client's question to a code: kept while the resident signs in and decides."""

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson

from app_server.authorization.asking import Asked, ResponseMode
from app_server.authorization.models import AuthorizationRequest
from app_server.authorization.service import decided_scopes, give_consent, mint_code, refuse_consent, subject_of
from app_server.identity import assurance
from app_server.identity.models import SignInMethod
from app_server.kernel.crypto import token_hash
from app_server.kernel.ids import uuid7
from app_server.kernel.limits import Rate, limit
from app_server.kernel.ports import Client, ScopeRequest
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute, fetchrow, in_unit_of_work

LIFE = timedelta(minutes=30)  # for a text message that comes late and a person who reads
OPENID = ScopeRequest(  # that it is she is a decision too: without it a client could know her unseen
    scope="openid",
    purpose={"zh-CN": "在您再次使用时认出您", "en": "to know you again when you come back"},
    legal_basis={
        "zh-CN": "您的同意（《个人信息保护法》第十三条第一项）",
        "en": "Your consent (Personal Information Protection Law, Article 13(1))",
    },
    retention={"zh-CN": "至您撤回授权", "en": "Until you take it back"},
    required=True,
)
PER_ADDRESS = Rate(most=6000, per=timedelta(minutes=1))  # an office, or a client's own server, has one address
_SETS = ("scopes", "prompt", "id_token_claims", "acr")  # of `Asked`; JSON has lists
PUSHED_LIFE = timedelta(seconds=90)  # until the browser brings it
PUSHED = "urn:ietf:params:oauth:request_uri:"  # RFC 9126 §2.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A request that nobody has answered yet, and who asks."""

    name: str
    asked: Asked
    client: Client
    created_at: datetime


async def spare(address: str, *, state: AppState) -> None:
    """Raise `too_many_requests` when an address has nobody's requests kept too often."""
    await limit(state["redis"], "authorize:address", address, PER_ADDRESS)


@in_unit_of_work
async def keep(asked: Asked, *, state: AppState) -> str:
    """Keep the request; the name that it goes by in the browser."""
    return await _keep(asked, LIFE, state)


async def _keep(asked: Asked, life: timedelta, state: AppState) -> str:
    name, now = secrets.token_urlsafe(24), state["clock"]()
    await AuthorizationRequest.create(
        token_hash=token_hash(name),
        client_id=asked.client_id,
        asked={**asdict(asked), **{name: sorted(getattr(asked, name)) for name in _SETS}},
        created_at=now,
        expires_at=now + life,
    )
    return name


@in_unit_of_work
async def push(asked: Asked, *, state: AppState) -> str:
    """Keep a request that the client sent by itself (RFC 9126); the `request_uri` that its browser brings."""
    return f"{PUSHED}{await _keep(asked, PUSHED_LIFE, state)}"


async def pushed(request_uri: str, client_id: str, *, state: AppState) -> Asked | None:
    """The request behind a `request_uri`, once; None when it was brought before, is too old, or another client's."""
    row = await fetchrow(
        "UPDATE core_authorization_request SET used_at = $3"
        " WHERE token_hash = $1 AND client_id = $2 AND used_at IS NULL AND expires_at > $3 RETURNING asked",
        token_hash(request_uri.removeprefix(PUSHED)),
        client_id,
        state["clock"](),
    )
    return _asked(orjson.loads(row["asked"])) if row else None


async def waiting(name: str, *, state: AppState) -> Waiting | None:
    """The request of that name; None when it is answered, too old, never was, or its client is not open any more."""
    row = await fetchrow(
        "SELECT asked, created_at FROM core_authorization_request"
        " WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2",
        token_hash(name),
        state["clock"](),
    )
    if row is None:
        return None
    asked = _asked(orjson.loads(row["asked"]))
    client = state["ports"].clients.find(asked.client_id)
    if client is None or asked.redirect_uri not in client.redirect_uris:
        return None
    return Waiting(name=name, asked=asked, client=client, created_at=row["created_at"])


async def signed_in_since(session_id: UUID, request: Waiting) -> bool:
    """Whether the sign-in is as fresh as the client asks for (`prompt=login` or `select_account`, `max_age`)."""
    anew = bool(request.asked.prompt & {"login", "select_account"})
    if not anew and request.asked.max_age is None:
        return True
    if anew:
        return await opened_for(session_id, request)
    signed_in = await _signed_in_at(session_id)
    return request.created_at - signed_in <= timedelta(seconds=request.asked.max_age or 0)


async def opened_for(session_id: UUID, request: Waiting) -> bool:
    """Whether somebody signed in because of this request."""
    return await _signed_in_at(session_id) >= request.created_at


async def is_strong_enough(session_id: UUID, request: Waiting) -> bool:
    """Whether the sign-in proved what the client asks for (`acr_values`, an essential `acr`)."""
    if request.asked.acr == frozenset(assurance.LEVELS):
        return True
    row = await fetchrow("SELECT method FROM core_session WHERE id = $1", session_id)
    return assurance.OF[SignInMethod(row["method"])].acr in request.asked.acr


async def could_be_strong_enough(resident_id: UUID, request: Waiting) -> bool:
    """Whether the resident has what such a sign-in takes."""
    factors = await fetchrow(
        "SELECT EXISTS (SELECT 1 FROM core_passkey WHERE resident_id = $1) AS passkey,"
        " EXISTS (SELECT 1 FROM core_password WHERE resident_id = $1) OR EXISTS ("
        "  SELECT 1 FROM core_authenticator_app WHERE resident_id = $1 AND confirmed_at IS NOT NULL) AS two_steps",
        resident_id,
    )
    has = {assurance.PASSKEY: factors["passkey"], assurance.TWO_STEPS: factors["two_steps"], assurance.PHONE: True}
    return any(has[acr] for acr in request.asked.acr)


async def _signed_in_at(session_id: UUID) -> datetime:
    row = await fetchrow("SELECT created_at FROM core_session WHERE id = $1", session_id)
    signed_in: datetime = row["created_at"]
    return signed_in


def meant(resident_id: UUID, request: Waiting, *, state: AppState) -> bool:
    """Whether this is the resident whom the client asks about, if it names one (`id_token_hint`, `sub`, OpenID Connect
    Core §3.1.2.1, §5.5.1).
    """
    asked = request.asked
    named = {asked.hinted_sub, asked.sub} - {None}
    return not named or named == {subject_of(request.client, resident_id, state["keys"])}


async def to_ask(resident_id: UUID, request: Waiting) -> list[ScopeRequest]:
    """The scopes that the resident has to decide on; all of them where the client wants so.

    A scope that the client can do without is asked for once: who said no to it is left in peace.
    """
    wanted = asked_of(request.client, request.asked.scopes)
    if "consent" in request.asked.prompt:
        return wanted
    granted, refused = await decided_scopes(resident_id, request.client.app_id)
    return [scope for scope in wanted if scope.scope not in granted and (scope.required or scope.scope not in refused)]


def asked_of(client: Client, scopes: frozenset[str]) -> list[ScopeRequest]:
    """These scopes with what the client says of them; that it is she always comes first."""
    return [OPENID, *(scope for scope in client.scopes if scope.scope in scopes)]


def fingerprint(scopes: Sequence[ScopeRequest]) -> str:
    """What was shown to the resident, in short: a client may change what it asks for while she reads."""
    return sha256(
        repr([(scope.scope, scope.required, sorted(scope.purpose.items())) for scope in scopes]).encode()
    ).hexdigest()


@in_unit_of_work
async def use_up(request: Waiting, *, state: AppState) -> bool:
    """Whether this is the first answer to the request. In the caller's unit of work, if there is one."""
    return bool(
        await execute(
            "UPDATE core_authorization_request SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL",
            token_hash(request.name),
            state["clock"](),
        )
    )


@in_unit_of_work
async def grant(
    request: Waiting,
    *,
    allowed: Sequence[str] = (),
    refused: Sequence[str] = (),
    resident_id: UUID,
    session_id: UUID,
    state: AppState,
) -> str | None:
    """Keep what the resident decided; a code for the client, good once and for a minute.

    None, and nothing is kept, when the request was answered meanwhile.
    """
    if not await use_up(request, state=state):
        return None
    await give_consent(resident_id, request.client, allowed, state=state)
    await refuse_consent(resident_id, request.client, refused, state=state)
    return await mint_code(
        client=request.client,
        resident_id=resident_id,
        session_id=session_id,
        launch_id=uuid7(),
        redirect_uri=request.asked.redirect_uri,
        code_challenge=request.asked.code_challenge,
        nonce=request.asked.nonce,
        scopes=request.asked.scopes,
        dpop_jkt=request.asked.dpop_jkt,
        id_token_claims=request.asked.id_token_claims,
        state=state,
    )


def _asked(kept: dict[str, Any]) -> Asked:
    return Asked(
        **{
            **kept,
            "response_mode": ResponseMode(kept["response_mode"]),
            **{name: frozenset(kept.get(name, ())) for name in _SETS},
        }
    )

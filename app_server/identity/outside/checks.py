"""Verifying by an outside provider, as use cases: the way there, and the way back (OpenID Connect, code and PKCE)."""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from app_server.identity.outside import answers
from app_server.identity.outside.answers import Metadata, NotSound
from app_server.identity.outside.problems import (
    OutsideCheckOver,
    OutsideDeclined,
    OutsideNotTrusted,
    OutsideUnavailable,
)
from app_server.identity.outside.providers import get, keys_of, metadata_of, post, provider_with
from app_server.identity.proofing import proofs
from app_server.kernel.access import Resident
from app_server.kernel.crypto import token_hash
from app_server.kernel.ids import uuid7
from app_server.kernel.limits import Rate, limit
from app_server.kernel.logs import logger
from app_server.kernel.outside_providers import OutsideProvider
from app_server.kernel.state import AppState
from app_server.kernel.tokens import KeyUnknown, TokenRefused
from app_server.kernel.unit_of_work import execute, fetchrow, in_unit_of_work

LIFE = timedelta(minutes=10)
PER_RESIDENT = Rate(most=20, per=timedelta(hours=1))
_DECLINED = ("access_denied", "login_required", "interaction_required", "consent_required")

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    verifier: str
    nonce_hash: str


def redirect_uri(provider: OutsideProvider, state: AppState) -> str:
    """The one address that the provider sends people back to."""
    return f"{state['settings'].base_url}/me/identity/outside/{provider.said.id}/back"


async def begin(who: Resident, provider_id: str, *, locale: str, state: AppState) -> str:
    """Where the resident's browser goes to be verified.

    Problems: `not_found`, `too_many_requests`, `outside_unavailable`, `outside_not_trusted`.
    """
    provider = provider_with(provider_id, state)
    await limit(state["redis"], "outside:resident", who.id.hex, PER_RESIDENT)
    with _told(provider):
        metadata = await metadata_of(provider, state)
        back, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        asked = {
            "client_id": provider.said.client_id,
            "response_type": "code",
            "redirect_uri": redirect_uri(provider, state),
            "scope": provider.said.scope,
            "state": back,
            "nonce": nonce,
            "code_challenge": urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "max_age": str(int(answers.SIGNED_IN_WITHIN.total_seconds())),
            "ui_locales": locale,
        }
        if metadata.par:
            pushed = await post(metadata.par, provider, asked, state, what="pushed request")
            request_uri = answers.text(pushed, "request_uri", what="pushed request")
            asked = {"client_id": provider.said.client_id, "request_uri": request_uri}
    await execute(
        "INSERT INTO core_outside_check (id, state_hash, resident_id, session_id, provider, nonce_hash,"
        " verifier_sealed, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        uuid7(),
        token_hash(back),
        who.id,
        who.session_id,
        provider_id,
        token_hash(nonce),
        state["keys"].seal("outside.verifier", verifier),
        state["clock"]() + LIFE,
    )
    return metadata.authorization + ("&" if "?" in metadata.authorization else "?") + urlencode(asked)


async def finish(who: Resident, provider_id: str, came: Mapping[str, str], *, state: AppState) -> None:
    """Take what the browser brought back, once and in the session that began, and keep the proof.

    Problems: `not_found`, `outside_check_over`, `outside_declined`, `outside_unavailable`, `outside_not_trusted`,
    `identity_in_use`, `identity_is_another`, those of a closed account.
    """
    provider = provider_with(provider_id, state)
    begun = await _use_up(who, provider_id, came.get("state", ""), state=state)
    with _told(provider):
        metadata = await metadata_of(provider, state)
        if came.get("iss", None if metadata.says_iss else provider.said.issuer) != provider.said.issuer:
            raise NotSound("answer: iss is missing, or another")  # mixed up with another provider (RFC 9207)
        if came.get("error") in _DECLINED:
            raise OutsideDeclined()
        if "error" in came:
            raise NotSound("answer: an error")
        claims = await _claims(provider, metadata, came, begun, state)
        person = answers.person(claims, provider)
    await proofs.prove_by_provider(who.id, person, provider, state=state)


async def _claims(
    provider: OutsideProvider, metadata: Metadata, came: Mapping[str, str], begun: _Begun, state: AppState
) -> Mapping[str, Any]:
    form = {
        "grant_type": "authorization_code",
        "code": answers.text(came, "code", what="answer"),
        "redirect_uri": redirect_uri(provider, state),
        "code_verifier": begun.verifier,
    }
    given = await post(metadata.token, provider, form, state, what="tokens")
    token = answers.text(given, "id_token", what="tokens")
    try:
        keys = await keys_of(provider, metadata, state)
        claims = answers.id_token(token, provider, keys, nonce_hash=begun.nonce_hash, now=state["clock"]())
    except KeyUnknown:
        keys = await keys_of(provider, metadata, state, anew=True)
        claims = answers.id_token(token, provider, keys, nonce_hash=begun.nonce_hash, now=state["clock"]())
    if metadata.userinfo is None:
        return claims
    bearer = {"authorization": f"Bearer {answers.text(given, 'access_token', what='tokens')}"}
    told = await get(metadata.userinfo, state, what="userinfo", headers=bearer)
    if told.get("sub") != claims["sub"]:
        raise NotSound("userinfo: about somebody else")  # OpenID Connect Core §5.3.2
    return {**told, **claims}


@in_unit_of_work
async def _use_up(who: Resident, provider_id: str, back: str, *, state: AppState) -> _Begun:
    row = await fetchrow(
        "DELETE FROM core_outside_check WHERE state_hash = $1 AND session_id = $2 AND provider = $3 AND expires_at > $4"
        " RETURNING verifier_sealed, nonce_hash",
        token_hash(back),
        who.session_id,
        provider_id,
        state["clock"](),
    )
    if row is None:
        raise OutsideCheckOver()
    verifier = state["keys"].open("outside.verifier", row["verifier_sealed"])
    return _Begun(verifier=verifier, nonce_hash=row["nonce_hash"])


@contextmanager
def _told(provider: OutsideProvider) -> Iterator[None]:
    """Whatever is wrong with an answer, the operator reads in the log, by the reference that the resident has."""
    try:
        yield
    except (NotSound, TokenRefused) as reason:
        log.warning("outside_not_trusted", provider=provider.said.id, reason=str(reason))
        raise OutsideNotTrusted() from None
    except OutsideUnavailable:
        log.warning("outside_unavailable", provider=provider.said.id)
        raise

"""A reader asks whether a shown code is good: one Redis command and one PostgreSQL statement, which is the commit."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from banyan_sdk.manifest import CardType, in_language
from banyan_sdk.protocol import CardStatus

from app_server.kernel.access import Verifier
from app_server.kernel.ids import uuid7
from app_server.kernel.limits import Rate, limit
from app_server.kernel.problems import IdempotencyKeyReused
from app_server.kernel.redis import RedisUnavailable
from app_server.kernel.state import AppState
from app_server.registry.published import listings
from card_wallet import codes, handles
from card_wallet.codes import Handle
from card_wallet.disclosure import disclosed
from card_wallet.events import CardPresented
from card_wallet.faces import open_fields
from card_wallet.lifecycle import standing
from card_wallet.models import Form
from card_wallet.presentations import Attempt, Seen, earlier
from card_wallet.problems import (
    CardCodeStale,
    CardExpired,
    CardNotAcceptedHere,
    CardRevoked,
    CardsOffline,
    CardSuspended,
)
from card_wallet.schemas import ReaderSummary, Verification, VerifiedCard
from card_wallet.state import wallet_of

SPOKEN_QUOTA = Rate(most=30, per=timedelta(minutes=1))  # typing is slow, guessing is not
PURPOSE = "card_check"


async def verify_code(text: str, *, reader: Verifier, key: str | None, language: str, state: AppState) -> Verification:
    """Use the code up, keep the presentation, and answer with the least that this reader needs.

    With `key` (Idempotency-Key) a reader may ask again after a lost answer, for as long as a used code is remembered:
    it is the same look, not another one. Raises the refusals 10 to 43, `too_many_requests` for too many typed codes,
    `cards_offline`, `idempotency_key_reused`.
    """
    handle, form = await _handle(text, reader, state)
    presentation_id, fingerprint, now = uuid7(), sha256(handle).digest(), state["clock"]()
    attempted = key or str(presentation_id)
    try:
        shown = await handles.take(state["redis"], handle, reader.id, attempted)
    except CardCodeStale:  # or Valkey was lost since
        if key and (again := await _again(key, fingerprint, now, reader, language, state)):
            return again
        raise
    card_type = _card_type(shown.app_id, shown.card_type, reader, state)
    names = disclosed(card_type, reader.role)
    if card_type is None or names is None:
        raise CardNotAcceptedHere()
    event = CardPresented(
        presentation_id=presentation_id,
        card_id=shown.card_id,
        resident_id=shown.resident_id,
        app_id=shown.app_id,
        card_type=shown.card_type,
        title=card_type.title,
        verifier_id=reader.id,
        verifier_name=reader.name,
        place=reader.place,
        role=reader.role,
        purpose=PURPOSE,
        fields=list(names),
        at=now,
    )
    attempt = Attempt(event=event, form=form, key=attempted, fingerprint=fingerprint)
    seen = await wallet_of(state).presentations(attempt)
    if seen is None:
        raise CardRevoked()
    _require_good(seen, now)
    if not seen.kept:  # the key was there before
        again = await _again(attempted, fingerprint, now, reader, language, state)
        if again is None:
            raise IdempotencyKeyReused()
        return again
    return _verification(presentation_id, now, card_type, names, seen, reader, language, state)


async def _handle(text: str, reader: Verifier, state: AppState) -> tuple[Handle, Form]:
    code = codes.read(text)
    if isinstance(code, bytes):
        return code, Form.HANDLE
    try:
        await limit(state["redis"], "cards:spoken", reader.id.hex, SPOKEN_QUOTA, fail_open=False)
    except RedisUnavailable:
        raise CardsOffline() from None
    return handles.handle_of(code, state["keys"]), Form.SPOKEN


def _card_type(app_id: str, card_type: str, reader: Verifier, state: AppState) -> CardType | None:
    """The kind of card, when this reader takes that issuer's cards at all."""
    listing = listings(state).get(app_id) if app_id == reader.app_id else None
    return listing.card_type(card_type) if listing else None


def _require_good(seen: Seen, now: datetime) -> None:
    match standing(seen.status, seen.expires_at, now):
        case CardStatus.REVOKED:
            raise CardRevoked()
        case CardStatus.SUSPENDED:
            raise CardSuspended()
        case CardStatus.EXPIRED:
            raise CardExpired()
        case CardStatus.ACTIVE:
            pass


async def _again(
    key: str, fingerprint: bytes, now: datetime, reader: Verifier, language: str, state: AppState
) -> Verification | None:
    """The answer that was lost; None when this key is new, or so old that the reader would be looking a second time.

    Raises `idempotency_key_reused` for another code's key, and as for a first look when the card is not good any more.
    """
    before = await earlier(reader.id, key)
    if before is None:
        return None
    if before.fingerprint != fingerprint:
        raise IdempotencyKeyReused()
    if now - before.at > codes.REMEMBERED:
        return None
    _require_good(before.seen, now)
    card_type = _card_type(before.app_id, before.card_type, reader, state)
    if card_type is None:
        raise CardNotAcceptedHere()
    return _verification(before.id, before.at, card_type, before.shown_fields, before.seen, reader, language, state)


def _verification(
    presentation_id: UUID,
    at: datetime,
    card_type: CardType,
    names: Sequence[str],
    seen: Seen,
    reader: Verifier,
    language: str,
    state: AppState,
) -> Verification:
    return Verification(
        id=presentation_id,
        at=at,
        card=VerifiedCard(
            type=card_type.type,
            title=in_language(card_type.title, language),
            status=standing(seen.status, seen.expires_at, at).value,
        ),
        fields=open_fields(card_type, names, seen.sealed_fields, state["keys"], language),
        verifier=ReaderSummary(name=reader.name, place=reader.place),
    )

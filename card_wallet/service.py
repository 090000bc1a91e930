"""Cards, as use cases: a mini-app issues them, a resident lists and shows them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from banyan_sdk.manifest import CardType
from banyan_sdk.protocol import CardStatus, IssueCard, SetCardStatus

from app_server.authorization.problems import ConsentWithdrawn
from app_server.authorization.service import granted_resident
from app_server.kernel.audit import audit
from app_server.kernel.events import record
from app_server.kernel.ids import uuid7
from app_server.kernel.problems import FieldError, NotFound, ValidationFailed
from app_server.kernel.remedies import pointer
from app_server.kernel.schemas import PageRequest
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import fetch, fetchrow, in_unit_of_work
from app_server.registry.published import listings
from card_wallet import codes, handles
from card_wallet.disclosure import undeclared
from card_wallet.events import CardIssued, CardStatusChanged
from card_wallet.faces import card_view, seal_fields, seal_number
from card_wallet.lifecycle import BECOMES, Status, standing
from card_wallet.problems import CardCannotBeShown, CardStatusFinal, CardTypeNotDeclared
from card_wallet.schemas import CardCode, CardPage, CardView, IssuedCard
from card_wallet.state import wallet_of

_FIRST = UUID(int=0)
_COLUMNS = "id, app_id, type, number, sealed_fields, status, version, issued_at, expires_at"


async def cards_of(resident_id: UUID, page: PageRequest, *, language: str, state: AppState) -> CardPage:
    """A part of the resident's cards, in the order in which they came."""
    rows = await fetch(
        f"SELECT {_COLUMNS} FROM card_wallet_card WHERE resident_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        resident_id,
        page.place(UUID) or _FIRST,
        page.limit + 1,
    )
    shown, following = page.part(rows, "id")
    return CardPage(items=[_view(row, language, state) for row in shown], next=following)


async def card_of(resident_id: UUID, card_id: UUID, *, language: str, state: AppState) -> CardView:
    """One card of the resident. Raises `not_found` for everybody else's."""
    row = await fetchrow(
        f"SELECT {_COLUMNS} FROM card_wallet_card WHERE id = $1 AND resident_id = $2", card_id, resident_id
    )
    if row is None:
        raise NotFound()
    return _view(row, language, state)


async def show_card(resident_id: UUID, card_id: UUID, *, state: AppState) -> CardCode:
    """A new code for the card. Raises `not_found`, `card_cannot_be_shown`, `cards_offline`."""
    card = await wallet_of(state).showable(card_id)
    if card is None or card.resident_id != resident_id:
        raise NotFound()
    now = state["clock"]()
    status = standing(card.status, card.expires_at, now)
    if status is not CardStatus.ACTIVE:
        raise CardCannotBeShown(card_status=status.value)
    shown = handles.Shown(
        card_id=card_id, resident_id=resident_id, app_id=card.app_id, card_type=card.type, shown_at=now
    )
    code = await handles.keep(state["redis"], state["keys"], shown)
    return CardCode(
        text=codes.write(code.handle),
        spoken=code.spoken,
        issued_at=now,
        expires_at=now + codes.LIFE,
        refresh_in=int(codes.REFRESH.total_seconds()),
    )


@in_unit_of_work
async def issue_card(asked: IssueCard, *, app_id: str, state: AppState) -> IssuedCard:
    """Put the card into the resident's wallet, or bring the one of that type that is there up to date.

    A revoked card becomes good again, a suspended one stays suspended. Problems: `card_type_not_declared`,
    `consent_withdrawn`.
    """
    card_type = _declared(asked, app_id, state)
    resident_id = await granted_resident(app_id, asked.sub, "cards:issue")
    if resident_id is None:
        raise ConsentWithdrawn()
    keys, now = state["keys"], state["clock"]()
    expires_at = _to_come(asked.expires_at, now)
    row = await fetchrow(
        _UPSERT,
        uuid7(),
        resident_id,
        app_id,
        asked.type,
        seal_number(asked.number, keys),
        orjson.dumps(seal_fields(asked.fields, keys)).decode(),
        now,
        expires_at,
    )
    if row["issued_at"] == now:
        await record(
            CardIssued(
                card_id=row["id"],
                resident_id=resident_id,
                app_id=app_id,
                card_type=asked.type,
                title=dict(card_type.title),
                at=now,
            )
        )
    return _issued(row, now)


@in_unit_of_work
async def change_status(card_id: UUID, asked: SetCardStatus, *, app_id: str, state: AppState) -> IssuedCard:
    """Suspend, lift or revoke a card of this issuer. Asking for the status it has changes nothing.

    Problems: `not_found`, `card_status_final`, `validation_failed` for a status that time alone gives.
    """
    now = state["clock"]()
    row = await fetchrow(
        f"SELECT {_COLUMNS}, resident_id FROM card_wallet_card WHERE id = $1 AND app_id = $2 FOR UPDATE",
        card_id,
        app_id,
    )
    if row is None:
        raise NotFound()
    if asked.status is CardStatus.EXPIRED:
        raise ValidationFailed(errors=[FieldError(pointer="/status", detail="active, suspended or revoked.")])
    status, before = Status(asked.status.value), Status(row["status"])
    if status is before:
        return _issued(row, now)
    if status not in BECOMES[before]:
        raise CardStatusFinal()
    changed = await fetchrow(
        "UPDATE card_wallet_card SET status = $2, status_reason = $3, version = version + 1, updated_at = $4"
        f" WHERE id = $1 RETURNING {_COLUMNS}",
        card_id,
        status.value,
        asked.reason,
        now,
    )
    listing = listings(state).get(app_id)
    card_type = listing.card_type(row["type"]) if listing else None
    await record(
        CardStatusChanged(
            card_id=card_id,
            resident_id=row["resident_id"],
            app_id=app_id,
            card_type=row["type"],
            title=dict(card_type.title) if card_type else {"en": row["type"]},
            status=status.value,
            reason=asked.reason,
            at=now,
        )
    )
    await audit("miniapp", app_id, f"card.{status.value}", f"card:{card_id}", reason=asked.reason)
    return _issued(changed, now)


_UPSERT = """
INSERT INTO card_wallet_card AS held (id, resident_id, app_id, type, number, sealed_fields, status, version, issued_at,
  expires_at, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6::jsonb, 'active', 1, $7, $8, $7, $7)
ON CONFLICT (resident_id, app_id, type) DO UPDATE SET
  number = excluded.number,
  sealed_fields = excluded.sealed_fields,
  expires_at = excluded.expires_at,
  status = CASE held.status WHEN 'revoked' THEN 'active' ELSE held.status END,
  status_reason = CASE held.status WHEN 'revoked' THEN NULL ELSE held.status_reason END,
  issued_at = CASE held.status WHEN 'revoked' THEN excluded.issued_at ELSE held.issued_at END,
  version = held.version + 1,
  updated_at = excluded.updated_at
RETURNING id, type, status, version, issued_at, expires_at
"""


def _to_come(expires_at: datetime | None, now: datetime) -> datetime | None:
    try:
        if expires_at is None or (expires_at.tzinfo and expires_at.astimezone(UTC) > now):
            return expires_at
    except OverflowError:
        pass
    raise ValidationFailed(errors=[FieldError(pointer="/expires_at", detail="Send a time to come, with its offset.")])


def _declared(asked: IssueCard, app_id: str, state: AppState) -> CardType:
    listing = listings(state).get(app_id)
    card_type = listing.card_type(asked.type) if listing else None
    if card_type is None:
        raise CardTypeNotDeclared(errors=[FieldError(pointer="/type", detail="Your manifest has no such card.")])
    if unknown := undeclared(card_type, asked.fields):
        raise CardTypeNotDeclared(
            errors=[
                FieldError(pointer=pointer(("fields", name)), detail="The card has no such field.") for name in unknown
            ]
        )
    return card_type


def _view(row: Any, language: str, state: AppState) -> CardView:
    return card_view(row, listings=listings(state), keys=state["keys"], language=language, now=state["clock"]())


def _issued(row: Any, now: datetime) -> IssuedCard:
    return IssuedCard(
        id=row["id"],
        type=row["type"],
        status=standing(Status(row["status"]), row["expires_at"], now).value,
        issued_at=row["issued_at"],
        expires_at=row["expires_at"],
        version=row["version"],
    )

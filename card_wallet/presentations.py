"""Every reading of a card, kept before the reader sees anything: many readings, one statement, one commit.

The statement looks at each card, keeps a presentation and its event for those that are good now, and answers with what
it saw: a card that is revoked in the meantime is never half presented.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from app_server.kernel.batch import Batcher
from app_server.kernel.events import to_payload
from app_server.kernel.ids import uuid7
from app_server.kernel.unit_of_work import fetch, fetchrow
from card_wallet.events import CardPresented
from card_wallet.lifecycle import Status
from card_wallet.models import Form


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A reading that is to be kept if the card is good; `key` is the reader's name for the attempt."""

    event: CardPresented
    form: Form
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The card at that moment, and whether the presentation was kept."""

    kept: bool
    status: Status
    expires_at: datetime | None
    sealed_fields: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A presentation that was kept for the same key before, and the card as it is now."""

    id: UUID
    at: datetime
    app_id: str
    card_type: str
    shown_fields: list[str]
    fingerprint: bytes
    seen: Seen


PresentationBatcher = Batcher[Attempt, Seen | None]


def presentation_batcher() -> PresentationBatcher:
    """Keeps the attempts that wait; None for a card that does not exist any more. Answers only after the commit."""
    return Batcher(_keep_all, most=200)


# What the card and the reader are is read here and not sent: asyncpg looks at every element of every array.
_KEEP = """
WITH asked AS (
  SELECT * FROM unnest(
    $1::uuid[], $2::timestamptz[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::bytea[],
    $10::uuid[], $11::text[]
  ) AS a (id, at, resident_id, card_id, verifier_id, form, shown_fields, idempotency_key, fingerprint, event_id, event)
), seen AS (
  SELECT a.*, c.type, c.app_id, c.status, c.expires_at, c.sealed_fields,
    ARRAY( -- what the card has of them
      SELECT f FROM unnest(a.shown_fields::text[]) WITH ORDINALITY AS u (f, n) WHERE c.sealed_fields ? f ORDER BY n
    ) AS shown
  FROM asked a JOIN card_wallet_card c ON c.id = a.card_id AND c.resident_id = a.resident_id
), kept AS (
  INSERT INTO card_wallet_presentation (
    id, at, resident_id, card_id, card_type, app_id, verifier_id, verifier_name, place, role, form, shown_fields,
    idempotency_key, fingerprint)
  SELECT s.id, s.at, s.resident_id, s.card_id, s.type, s.app_id, v.id, v.name, v.place, v.role, s.form,
    s.shown, s.idempotency_key, s.fingerprint
  FROM seen s JOIN card_wallet_verifier v ON v.id = s.verifier_id
  WHERE s.status = 'active' AND (s.expires_at IS NULL OR s.expires_at > s.at)
  ORDER BY v.id, s.idempotency_key -- two processes that keep the same keys wait for each other in one order
  ON CONFLICT (verifier_id, idempotency_key) DO NOTHING
  RETURNING id
), told AS (
  INSERT INTO core_outbox_event (id, name, payload, created_at)
  SELECT s.event_id, $12, jsonb_set(s.event::jsonb, '{fields}', to_jsonb(s.shown)), now()
  FROM seen s JOIN kept USING (id)
)
SELECT s.id, s.status, s.expires_at, s.sealed_fields, k.id IS NOT NULL AS kept
FROM seen s LEFT JOIN kept k ON k.id = s.id
"""


async def _keep_all(attempts: list[Attempt]) -> Sequence[Seen | None]:
    events = [attempt.event for attempt in attempts]
    rows = await fetch(
        _KEEP,
        [event.presentation_id for event in events],
        [event.at for event in events],
        [event.resident_id for event in events],
        [event.card_id for event in events],
        [event.verifier_id for event in events],
        [attempt.form.value for attempt in attempts],
        ["{" + ",".join(event.fields) + "}" for event in events],  # field names are of [a-z0-9_]
        [attempt.key for attempt in attempts],
        [attempt.fingerprint for attempt in attempts],
        [uuid7() for _ in events],
        [to_payload(event) for event in events],
        CardPresented.name,
    )
    by_id = {row["id"]: row for row in rows}
    return [_seen(by_id.get(event.presentation_id)) for event in events]


def _seen(row: Any) -> Seen | None:
    if row is None:
        return None
    return Seen(
        kept=row["kept"],
        status=Status(row["status"]),
        expires_at=row["expires_at"],
        sealed_fields=orjson.loads(row["sealed_fields"]),
    )


async def earlier(verifier_id: UUID, key: str) -> Earlier | None:
    """What was kept when this reader used the same key before."""
    row = await fetchrow(
        "SELECT p.id, p.at, p.app_id, p.card_type, p.shown_fields, p.fingerprint, true AS kept,"
        " c.status, c.expires_at, c.sealed_fields"
        " FROM card_wallet_presentation p JOIN card_wallet_card c ON c.id = p.card_id"
        " WHERE p.verifier_id = $1 AND p.idempotency_key = $2",
        verifier_id,
        key,
    )
    if row is None:
        return None
    seen = _seen(row)
    assert seen is not None
    return Earlier(
        id=row["id"],
        at=row["at"],
        app_id=row["app_id"],
        card_type=row["card_type"],
        shown_fields=row["shown_fields"],
        fingerprint=bytes(row["fingerprint"]),
        seen=seen,
    )

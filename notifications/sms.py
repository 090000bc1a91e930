"""Text messages: queued in the transaction that needs them, sent by a job, their state told as it is.

An attempt is written down before it is made. If its answer is lost, the next one first asks the carrier whether it has
the message: so a resident gets a code once, and never after it has expired.
"""

import random
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app_server.kernel.clock import Clock
from app_server.kernel.crypto import KeyRing
from app_server.kernel.events import record
from app_server.kernel.ids import uuid7
from app_server.kernel.jobs import enqueue
from app_server.kernel.logs import logger
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute, fetch, fetchrow, in_unit_of_work
from notifications.backoff import next_attempt
from notifications.carrier import Carrier, Later, Outcome, Refused, Taken
from notifications.events import TextMessageFailed
from notifications.models import SMS_TEXT, SMS_TO
from notifications.state import notifications

WORTH_SENDING = timedelta(hours=24)  # unless the caller says otherwise
JOB = "send_sms"

log = logger(__name__)


class CarrierOutbox:
    """The `SmsOutbox` port."""

    def __init__(self, *, keys: KeyRing, clock: Clock) -> None:
        self._keys, self._clock = keys, clock

    @in_unit_of_work
    async def queue_sms(self, *, to: str, text: str, unique_key: str, expires_at: datetime | None = None) -> None:
        """Queue a text message; nothing happens when `unique_key` is already there. Not sent at or after
        `expires_at`.
        """
        now = self._clock()
        row = await fetchrow(
            'INSERT INTO notifications_delivery (id, unique_key, "to", text, state, attempts, in_doubt,'
            " created_at, expires_at, updated_at) VALUES ($1, $2, $3, $4, 'accepted', 0, false, $5, $6, $5)"
            " ON CONFLICT (unique_key) DO NOTHING RETURNING id",
            uuid7(),
            unique_key,
            self._keys.seal(SMS_TO, to),
            self._keys.seal(SMS_TEXT, text),
            now,
            expires_at or now + WORTH_SENDING,
        )
        if row is not None:
            await enqueue(JOB, {"delivery_id": str(row["id"])}, unique_key=f"sms:{row['id']}:0")


async def send_sms(payload: dict[str, Any], *, state: AppState) -> None:
    """Make one attempt, and plan the next one if it is needed."""
    delivery_id = UUID(payload["delivery_id"])
    now = state["clock"]()
    begun = await _begin(delivery_id, now)
    if begun is None:
        return
    carrier = notifications(state)["carrier"]
    if now >= begun["expires_at"]:
        await _record(delivery_id, begun, Refused(why="expired"), now)
    elif not carrier.is_configured:
        await _record(delivery_id, begun, Refused(why="no carrier is configured"), now)
    else:
        outcome = await _attempt(delivery_id, begun, carrier, state, now)
        await _record(delivery_id, begun, outcome, state["clock"]())


async def expire_sms(payload: dict[str, Any], *, state: AppState) -> None:
    """Give up what was never sent in time, whatever became of its job."""
    rows = await fetch(
        "UPDATE notifications_delivery SET state = 'failed', why = 'expired', text = NULL, updated_at = $1"
        " WHERE state = 'accepted' AND expires_at < $1 RETURNING id",
        state["clock"](),
    )
    for row in rows:
        await record(TextMessageFailed(delivery_id=row["id"], why="expired"))


@in_unit_of_work
async def record_callback(delivery_id: UUID, carrier_id: str, status: str, error: str | None, now: datetime) -> bool:
    """Take in what the carrier says became of a message; False when there is no such delivery.

    Callbacks come late, twice and out of order: a state only moves forward. That the phone has it is the last word,
    also over a message that we gave up in doubt.
    """
    there = await fetchrow("SELECT id FROM notifications_delivery WHERE id = $1 FOR UPDATE", delivery_id)
    if there is None:
        return False
    if status in ("sent", "delivered"):
        await execute(
            "UPDATE notifications_delivery SET state = $3, carrier_id = $2, in_doubt = false, text = NULL, why = NULL,"
            " updated_at = $4 WHERE id = $1 AND (state = 'accepted' OR $3 = 'delivered' AND state <> 'delivered')",
            delivery_id,
            carrier_id,
            status,
            now,
        )
    elif status in ("failed", "undelivered"):
        await _fail(delivery_id, f"carrier {status}" + (f" code {error}" if error else ""), now)
    return True


def callback_url(base_url: str, delivery_id: UUID) -> str:
    """Where the carrier reports on a delivery."""
    return f"{base_url}/v1/sms/callbacks/{delivery_id}"


async def _attempt(delivery_id: UUID, begun: Any, carrier: Carrier, state: AppState, now: datetime) -> Outcome:
    to = state["keys"].open(SMS_TO, begun["to"])
    text = state["keys"].open(SMS_TEXT, begun["text"])
    if begun["was_in_doubt"]:
        found = await carrier.taken_already(to=to, text=text)
        if isinstance(found, Later):
            return found
        if mine := await _not_of_others(delivery_id, list(found)):
            return Taken(carrier_id=mine)
    callback = callback_url(state["settings"].base_url, delivery_id)
    return await carrier.send(to=to, text=text, callback=callback, valid_for=begun["expires_at"] - now)


@in_unit_of_work
async def _begin(delivery_id: UUID, now: datetime) -> Any:
    return await fetchrow(
        "UPDATE notifications_delivery AS delivery SET attempts = delivery.attempts + 1, in_doubt = true,"
        " updated_at = $2 FROM (SELECT id, in_doubt FROM notifications_delivery WHERE id = $1 FOR UPDATE) AS before"
        " WHERE delivery.id = before.id AND delivery.state = 'accepted'"
        ' RETURNING delivery."to", delivery.text, delivery.attempts, delivery.expires_at,'
        " before.in_doubt AS was_in_doubt",
        delivery_id,
        now,
    )


@in_unit_of_work
async def _record(delivery_id: UUID, begun: Any, outcome: Outcome, now: datetime) -> None:
    if isinstance(outcome, Taken):
        await execute(
            "UPDATE notifications_delivery SET state = 'sent', carrier_id = $2, in_doubt = false, text = NULL,"
            " updated_at = $3 WHERE id = $1 AND state = 'accepted'",
            delivery_id,
            outcome.carrier_id,
            now,
        )
        return
    if isinstance(outcome, Refused):
        await _fail(delivery_id, outcome.why, now)
        return
    at = next_attempt(
        attempts=begun["attempts"],
        now=now,
        expires_at=begun["expires_at"],
        retry_after=outcome.retry_after,
        jitter=random.random(),
    )
    if at is None:
        await _fail(delivery_id, f"given up: {outcome.why}", now)
        return
    await execute(
        "UPDATE notifications_delivery SET in_doubt = $2, why = $3, updated_at = $4"
        " WHERE id = $1 AND state = 'accepted'",
        delivery_id,
        outcome.in_doubt or begun["was_in_doubt"],
        outcome.why,
        now,
    )
    await enqueue(
        JOB, {"delivery_id": str(delivery_id)}, unique_key=f"sms:{delivery_id}:{begun['attempts']}", run_at=at
    )


async def _fail(delivery_id: UUID, why: str, now: datetime) -> None:
    failed = await execute(
        "UPDATE notifications_delivery SET state = 'failed', why = $2, text = NULL, updated_at = $3"
        " WHERE id = $1 AND state IN ('accepted', 'sent')",
        delivery_id,
        why[:100],
        now,
    )
    if failed:
        await record(TextMessageFailed(delivery_id=delivery_id, why=why))
        log.warning("sms_failed", delivery_id=delivery_id, why=why)


async def _not_of_others(delivery_id: UUID, carrier_ids: list[str]) -> str | None:
    rows = await fetch(
        "SELECT carrier_id FROM notifications_delivery WHERE carrier_id = ANY($1) AND id <> $2",
        carrier_ids,
        delivery_id,
    )
    taken = {row["carrier_id"] for row in rows}
    return next((carrier_id for carrier_id in carrier_ids if carrier_id not in taken), None)

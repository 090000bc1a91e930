"""Telling a mini-app what happened: Standard Webhooks with the `v1a` signature (Ed25519), repeated until it answers."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from banyan_sdk.protocol import EVENTS_PATH, EventType
from banyan_sdk.signing import sign_event

from app_server.authorization.events import ConsentWithdrawn
from app_server.gateway.calls import call
from app_server.gateway.gateway import gateway_of
from app_server.kernel.jobs import GiveUp, Job, enqueue
from app_server.kernel.state import AppState
from app_server.registry.lifecycle import State
from app_server.registry.published import listings

WITHIN = 10.0  # seconds for one attempt
ATTEMPTS = 880  # three days, at the five minutes that the job system leaves between later attempts
GONE = 410  # the mini-app does not want events any more


async def tell_app_consent_is_withdrawn(event: ConsentWithdrawn, *, event_id: UUID, state: AppState) -> None:
    """Queue `grant.withdrawn` for the mini-app that lost the scope, in the reaction's unit of work."""
    listing = listings(state).get(event.app_id)
    if listing is None or EventType.GRANT_WITHDRAWN not in listing.manifest.banyan.events:
        return
    await enqueue(
        deliver.name,
        {
            "app_id": event.app_id,
            "event_id": str(event_id),
            "type": EventType.GRANT_WITHDRAWN,
            "timestamp": state["clock"]().isoformat(),
            "data": {"sub": event.sub, "scope": event.scope},
        },
        unique_key=f"app-event:{event_id}",
    )


async def deliver_app_event(payload: dict[str, Any], *, state: AppState) -> None:
    """Send one event. The id and the body are the same at every attempt, so the mini-app can tell a repeat.

    A suspended mini-app is told too: its duties to residents go on.
    """
    listing = listings(state).get(payload["app_id"])
    if listing is None or listing.state is State.RETIRED:
        raise GiveUp("the mini-app is not listed any more")
    body = orjson.dumps({name: payload[name] for name in ("type", "timestamp", "data")})
    site = gateway_of(state).site(listing)
    headers = sign_event(
        site.signer.key, event_id=payload["event_id"], timestamp=int(datetime.now(UTC).timestamp()), body=body
    )
    answer = await call(
        site, "POST", EVENTS_PATH, reference=payload["event_id"], within=WITHIN, body=body, headers=headers
    )
    if answer.status == GONE:
        raise GiveUp("the mini-app answered 410 Gone")
    if not 200 <= answer.status < 300:
        raise RuntimeError(f"the mini-app answered {answer.status}")


deliver = Job(name="deliver_app_event", handler=deliver_app_event, transactional=False, most_attempts=ATTEMPTS)

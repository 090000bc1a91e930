"""Telling clients that sessions of theirs have ended (OpenID Connect Back-Channel Logout 1.0), until they answer.

At least once: a client may hear of one session twice, each time with a token of its own. Mini-apps are not told: a
launch is part of the resident's session, and its tokens die with it.
"""

from datetime import timedelta
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from app_server.authorization.logout_tokens import logout_token
from app_server.authorization.registered import registered_clients
from app_server.gateway.receivers import Receivers
from app_server.identity.events import ServicesSignedOut
from app_server.identity.models import LogoutAnswer
from app_server.kernel.clearing import again, delete_page
from app_server.kernel.jobs import GiveUp, Job, enqueue
from app_server.kernel.ports import Client
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute, fetch, fetchrow, in_unit_of_work

KEPT_FOR = timedelta(days=30)
CONFIRMED = (200, 204)  # §2.8; some frameworks answer 204 by themselves
REFUSED = 400


class LogoutState(AppState):
    """What the gateway adds for logouts to the process's state."""

    receivers: Receivers


async def tell_services(event: ServicesSignedOut, *, event_id: UUID, state: AppState) -> None:
    """Queue a message to each client that takes such messages, in the reaction's unit of work."""
    for row in await fetch("SELECT id, client_id FROM core_logout_notice WHERE occasion_id = $1", event.occasion_id):
        if await _receiver(row["client_id"], state) is None:
            await _answered(row["id"], LogoutAnswer.NOT_TOLD)
        else:
            await enqueue(tell.name, {"notice": str(row["id"])}, unique_key=f"logout:{row['id']}")


async def tell_service(payload: dict[str, Any], *, state: AppState) -> None:
    """Send one logout token, signed now. 400 is the client's last word; all else but a yes is tried again."""
    notice_id = UUID(payload["notice"])
    row = await fetchrow("SELECT client_id, resident_id, session_id FROM core_logout_notice WHERE id = $1", notice_id)
    told = await _receiver(row["client_id"], state) if row else None
    if told is None:
        await _answered(notice_id, LogoutAnswer.NOT_TOLD)
        return
    client, uri = told
    token = logout_token(client, resident_id=row["resident_id"], session_id=row["session_id"], state=state)
    receivers = cast(LogoutState, state)["receivers"]
    status = await receivers.post(uri, urlencode({"logout_token": token}).encode())
    if status in CONFIRMED:
        await _answered(notice_id, LogoutAnswer.CONFIRMED)
    elif status == REFUSED:
        await _answered(notice_id, LogoutAnswer.REFUSED)
        raise GiveUp("the client answered 400")
    else:
        raise RuntimeError(f"the client answered {status}")


async def _receiver(client_id: str, state: AppState) -> tuple[Client, str] | None:
    """The client, and where it hears of logouts; before it is said that there is none, PostgreSQL is asked: it may have
    been registered a moment ago, with another process.
    """
    clients = registered_clients(state)
    for looked_again in (False, True):
        client = clients.find(client_id)
        if client is not None and client.backchannel_logout_uri is not None:
            return client, client.backchannel_logout_uri
        if not looked_again:
            await clients.refresh()
    return None


@in_unit_of_work
async def _answered(notice_id: UUID, answer: LogoutAnswer) -> None:
    await execute("UPDATE core_logout_notice SET answer = $2 WHERE id = $1", notice_id, answer.value)


async def forget_logouts(payload: dict[str, Any], *, state: AppState) -> None:
    """Remove what was told, or given up, thirty days ago: a session of then is no news to anybody."""
    before = state["clock"]() - KEPT_FOR
    await again(
        "forget_logouts",
        await delete_page("core_logout_notice", "created_at < $1", before),
        await delete_page("core_job", "name = $2 AND state = 'dead' AND created_at < $1", before, tell.name),
    )


tell = Job(  # five attempts in four minutes: a client that is restarted meanwhile still hears of it
    name="tell_service_of_logout", handler=tell_service, transactional=False, first_pause=timedelta(seconds=15)
)
forget = Job(name="forget_logouts", handler=forget_logouts)

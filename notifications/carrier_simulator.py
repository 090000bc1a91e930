"""The demo's SMS carrier: takes messages as a real one does, shows them on a page instead of a phone, can misbehave.

Settings say how badly: `carrier_error_rate` of the requests get 503 (half of them although the message was taken, as
happens when an answer is lost), `carrier_delay` slows every answer, `carrier_duplicate_rate` of the callbacks come
twice. Its routes exist in demo mode only.
"""

import asyncio
import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime
from hmac import compare_digest
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import aiohttp
from starlette.responses import Response

from app_server.kernel.access import Anonymous, access
from app_server.kernel.crypto import KeyRing
from app_server.kernel.ids import uuid7
from app_server.kernel.jobs import GiveUp, Job, enqueue
from app_server.kernel.routing import describe, get, post
from app_server.kernel.schemas import MAX_BODY, read_bytes, reply
from app_server.kernel.state import AppRequest, AppState
from app_server.kernel.unit_of_work import execute, fetch, in_unit_of_work
from notifications.carrier import basic_authorization, callback_signature
from notifications.models import SIMULATED_TEXT, SIMULATED_TO
from notifications.schemas import DemoOutbox, SentText
from notifications.state import notifications

MESSAGES = "/demo/carrier/2010-04-01/Accounts/{account}/Messages.json"
CALLBACK_JOB = "simulated_carrier_callback"
SHOWN = 100
_COLUMNS = 'id, carrier_id, "to", text, sender, created_at'


def messages_url(base_url: str, account: str) -> str:
    """The simulator's Messages resource: the `sms_url` of a demo."""
    return base_url + MESSAGES.format(account=account)


@access(Anonymous)
@describe(status=201, body_media_types=("application/x-www-form-urlencoded",))
async def take(request: AppRequest) -> Response:
    """The simulated carrier takes a message (To, From, Body, StatusCallback)."""
    if refusal := _refuse_stranger(request):
        return refusal
    settings = request.state["settings"]
    await asyncio.sleep(settings.carrier_delay)
    fails = random.random() < settings.carrier_error_rate
    if fails and random.random() < 0.5:
        return _error(503, 20503, "Service unavailable")
    form = dict(parse_qsl((await read_bytes(request, most=MAX_BODY)).decode(errors="replace")))
    if not (form.get("To", "").lstrip("+").isdigit() and form.get("Body")):
        return _error(400, 21211, "Invalid 'To' phone number, or no 'Body'")
    callback = form.get("StatusCallback")
    if callback and not callback.startswith(settings.base_url + "/"):
        return _error(400, 21609, "This simulator only calls back the city it belongs to")
    twice = random.random() < settings.carrier_duplicate_rate
    document = await _keep(form, state=request.state, callbacks=2 if twice else 1)
    return _error(503, 20503, "Service unavailable") if fails else reply(document, status=201)


@access(Anonymous)
@describe(query=("To",))
async def lookup(request: AppRequest) -> Response:
    """The simulated carrier lists the messages it took for a number, newest first."""
    if refusal := _refuse_stranger(request):
        return refusal
    keys = request.state["keys"]
    rows = await fetch(
        f"SELECT {_COLUMNS} FROM notifications_simulated_sms WHERE to_index = $1 ORDER BY created_at DESC LIMIT 50",
        keys.blind_index(SIMULATED_TO, request.query_params.get("To", "")),
    )
    return reply({"messages": [_document(keys, row) for row in rows], "page_size": 50, "next_page_uri": None})


@access(Anonymous)
@describe(reply=DemoOutbox)
async def outbox(request: AppRequest) -> Response:
    """What the demo's phones received, newest last. Demo mode only."""
    keys = request.state["keys"]
    rows = await fetch(
        f"SELECT {_COLUMNS} FROM notifications_simulated_sms ORDER BY created_at DESC, id DESC LIMIT {SHOWN}"
    )
    return reply(
        DemoOutbox(
            items=[
                SentText(
                    to=keys.open(SIMULATED_TO, row["to"]),
                    text=keys.open(SIMULATED_TEXT, row["text"]),
                    at=row["created_at"],
                )
                for row in reversed(rows)
            ]
        )
    )


async def call_back(payload: dict[str, Any], *, state: AppState) -> None:
    """Tell the sender that the phone has the message, as the carrier would: signed, perhaps twice."""
    http = notifications(state)["carrier_http"]
    form = {"MessageSid": payload["sid"], "MessageStatus": "delivered", "AccountSid": state["settings"].sms_account}
    signature = callback_signature(payload["url"], form, state["settings"].sms_secret)
    timeout = aiohttp.ClientTimeout(total=5)
    async with http.post(
        payload["url"], data=form, headers={"X-Twilio-Signature": signature}, timeout=timeout, allow_redirects=False
    ) as answer:
        if 400 <= answer.status < 500:
            raise GiveUp(f"the callback was refused with {answer.status}")
        answer.raise_for_status()


routes = [post(MESSAGES, take), get(MESSAGES, lookup), get("/v1/demo/outbox", outbox)]
jobs = [Job(name=CALLBACK_JOB, handler=call_back, transactional=False, most_attempts=20)]  # carriers are patient, too


@in_unit_of_work
async def _keep(form: Mapping[str, str], *, state: AppState, callbacks: int) -> dict[str, object]:
    keys, now, message_id = state["keys"], state["clock"](), uuid7()
    sid = f"SM{message_id.hex}"
    row = {
        "id": message_id,
        "carrier_id": sid,
        "to": keys.seal(SIMULATED_TO, form["To"]),
        "text": keys.seal(SIMULATED_TEXT, form["Body"]),
        "sender": form.get("From", "")[:40],
        "created_at": now,
    }
    await execute(
        f"INSERT INTO notifications_simulated_sms ({_COLUMNS}, to_index) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        *row.values(),
        keys.blind_index(SIMULATED_TO, form["To"]),
    )
    if callback := form.get("StatusCallback"):
        for turn in range(callbacks):
            await enqueue(
                CALLBACK_JOB,
                {"sid": sid, "url": callback},
                unique_key=f"{CALLBACK_JOB}:{sid}:{turn}",
                run_at=now + timedelta(seconds=1),
            )
    return _document(keys, row)


def _document(keys: KeyRing, row: Mapping[str, Any]) -> dict[str, object]:
    at: datetime = row["created_at"]
    message_id: UUID = row["id"]
    return {
        "sid": row["carrier_id"],
        "status": "queued",
        "to": keys.open(SIMULATED_TO, row["to"]),
        "from": row["sender"],
        "body": keys.open(SIMULATED_TEXT, row["text"]),
        "date_created": format_datetime(at),
        "error_code": None,
        "error_message": None,
        "num_segments": "1",
        "uri": f"/Messages/{message_id.hex}.json",
    }


def _refuse_stranger(request: AppRequest) -> Response | None:
    settings = request.state["settings"]
    sent = request.headers.get("authorization", "")
    known = compare_digest(sent.encode(), basic_authorization(settings).encode())
    if known and request.path_params["account"] == settings.sms_account:
        return None
    return _error(401, 20003, "Authenticate")


def _error(status: int, code: int, message: str) -> Response:
    return reply({"code": code, "message": message, "status": status}, status=status)

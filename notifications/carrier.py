"""The SMS carrier as it is on the wire: a Messages resource in the form that Twilio's API made common.

`POST {sms_url}` with To, From, Body, StatusCallback as a form and Basic authentication answers 201 with a `sid`; a
refusal is a 4xx with a numeric `code`; 429 may carry Retry-After. There is no idempotency key on that wire: an attempt
whose answer was lost is looked up by `GET {sms_url}?To=` before it is made again.
"""

import base64
import hmac
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp

from app_server.kernel.settings import Settings

ANSWER_WITHIN = 5.0  # seconds; a lookup and a send fit into the time that a job may take
OUR_FAULT = (401, 403, 404)  # account or address are wrong: an operator mends that, and the message can still go
VALIDITY_LIMIT = 36_000  # seconds, the longest a carrier holds a message back


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The carrier has the message, under this id."""

    carrier_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The carrier will never take it."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """Not now. `in_doubt`: the message may have been taken all the same."""

    why: str
    in_doubt: bool
    retry_after: timedelta | None = None


Outcome = Taken | Refused | Later


class Carrier:
    """One account at the carrier."""

    def __init__(self, http: aiohttp.ClientSession, settings: Settings) -> None:
        self._http = http
        self._url = settings.sms_url
        self._sender = settings.sms_sender
        self._authorization = basic_authorization(settings)

    @property
    def is_configured(self) -> bool:
        """Whether there is a carrier at all."""
        return self._url is not None

    async def send(self, *, to: str, text: str, callback: str, valid_for: timedelta) -> Outcome:
        """Hand one message over."""
        form = {
            "To": to,
            "From": self._sender,
            "Body": text,
            "StatusCallback": callback,
            "ValidityPeriod": str(max(1, min(int(valid_for.total_seconds()), VALIDITY_LIMIT))),
        }
        try:
            async with self._ask("POST", data=form) as answer:
                return _outcome(answer.status, answer.headers, await _document(answer))
        except aiohttp.ClientConnectorError as error:
            return Later(why=type(error).__name__, in_doubt=False)
        except (aiohttp.ClientError, TimeoutError) as error:
            return Later(why=type(error).__name__, in_doubt=True)

    async def taken_already(self, *, to: str, text: str) -> Sequence[str] | Later:
        """The ids under which the carrier has this very text for this number, newest first."""
        try:
            async with self._ask("GET", params={"To": to, "PageSize": "50"}) as answer:
                document = await _document(answer)
                if answer.status != 200:
                    return Later(why=f"lookup answered {answer.status}", in_doubt=True)
        except (aiohttp.ClientError, TimeoutError) as error:
            return Later(why=type(error).__name__, in_doubt=True)
        messages = document.get("messages", [])
        return [str(found["sid"]) for found in messages if found.get("to") == to and found.get("body") == text]

    @asynccontextmanager
    async def _ask(self, method: str, **options: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        assert self._url is not None
        timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN)
        headers = {"Authorization": self._authorization}
        async with self._http.request(
            method, self._url, headers=headers, timeout=timeout, allow_redirects=False, **options
        ) as answer:
            yield answer


def basic_authorization(settings: Settings) -> str:
    """The Authorization header of our account (RFC 7617)."""
    pair = f"{settings.sms_account}:{settings.sms_secret}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"


def callback_signature(url: str, form: Mapping[str, str], secret: str) -> str:
    """The X-Twilio-Signature of a callback: HMAC-SHA1 over the address and the sorted parameters, in base64."""
    signed = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.digest(secret.encode(), signed.encode(), "sha1")).decode()


def _outcome(status: int, headers: Mapping[str, str], document: Mapping[str, Any]) -> Outcome:
    if 200 <= status < 300 and document.get("sid"):
        return Taken(carrier_id=str(document["sid"])[:64])
    why = f"carrier {status}" + (f" code {document['code']}" if isinstance(document.get("code"), int) else "")
    if status == 429:
        return Later(why=why, in_doubt=False, retry_after=_seconds(headers.get("Retry-After")))
    if status in OUR_FAULT:
        return Later(why=why, in_doubt=False)
    if 400 <= status < 500:
        return Refused(why=why)
    return Later(why=why, in_doubt=True, retry_after=_seconds(headers.get("Retry-After")))


def _seconds(text: str | None) -> timedelta | None:
    return timedelta(seconds=min(int(text), 3600)) if text and text.isascii() and text.isdigit() else None


async def _document(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    try:
        found = await answer.json(content_type=None)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}

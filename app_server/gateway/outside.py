"""Calls to the servers of outside OpenID Providers, by the house's own client."""

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from app_server.gateway.receivers import FORM, Receivers
from app_server.gateway.site import Resting
from app_server.gateway.upstream import CallFailed
from app_server.kernel.addresses import EndpointRefused
from app_server.kernel.logs import logger
from app_server.kernel.ports import OutsideAnswer
from app_server.kernel.settings import Mode, Settings

LARGEST = 64 * 1024  # bytes of an answer

log = logger(__name__)


class OutsideServers:
    """The `OutsideCalls` port."""

    def __init__(self, settings: Settings) -> None:
        self._receivers = Receivers(allow_loopback=settings.mode is not Mode.PRODUCTION)

    async def ask(
        self, url: str, *, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> OutsideAnswer | None:
        """One try: a code that was redeemed twice is one that was stolen."""
        lines = {"accept": "application/json", **(headers or {})}
        if form is not None:
            lines["content-type"] = FORM
        try:
            answer = await self._receivers.ask(
                "GET" if form is None else "POST",
                url,
                body=urlencode(form or {}).encode(),
                headers=lines,
                largest=LARGEST,
            )
        except (CallFailed, EndpointRefused, Resting) as reason:
            words = str(reason) or type(reason).__name__
            log.warning("outside_no_answer", host=urlsplit(url).hostname, reason=words)
            return None
        return OutsideAnswer(status=answer.status, body=answer.body)

"""Opening a mini-app for a resident: consent, the app's PKCE challenge, a one-time code, an address."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

import orjson
from banyan_sdk.protocol import CODE_PARAMETER, LAUNCH_PARAMETER, LAUNCH_PATH, LaunchAnswer
from pydantic import ValidationError

from app_server.authorization.problems import ConsentRequired
from app_server.authorization.service import CODE_LIFE, mint_code, missing_scopes
from app_server.authorization.views import text_of
from app_server.gateway.calls import call
from app_server.gateway.gateway import gateway_of
from app_server.gateway.paths import PathRefused, canonical, query_is_sound
from app_server.gateway.problems import MiniAppBusy, MiniAppSuspended, MiniAppUnavailable
from app_server.gateway.schemas import LaunchMode
from app_server.gateway.site import Crowded, Resting
from app_server.gateway.upstream import CallFailed
from app_server.kernel.access import Resident, require_service
from app_server.kernel.ids import uuid7
from app_server.kernel.logs import logger
from app_server.kernel.ports import Client
from app_server.kernel.problems import FieldError, ValidationFailed
from app_server.kernel.state import AppState
from app_server.registry.problems import MiniAppUnknown
from app_server.registry.published import PublishedListing, listings

OUR_PARAMETERS = "banyan_"  # what a page is opened with: never from an address that somebody else wrote
CHALLENGE_WITHIN = 2.0  # seconds that a mini-app has to answer before the resident is told it does not

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """An address and a code that open the mini-app once, until `expires_at`."""

    launch_id: UUID
    url: str
    code: str
    expires_at: datetime
    listing: PublishedListing


async def launch(
    resident: Resident,
    app_id: str,
    page: str | None,
    *,
    mode: LaunchMode = LaunchMode.QUERY,
    language: str,
    state: AppState,
) -> Launch:
    """Open a mini-app at a page of its own, its first one by default.

    Problems: `miniapp_unknown`, `miniapp_suspended`, `consent_required` with what to ask, `miniapp_unavailable`;
    for another, `mandate_too_narrow`.
    """
    require_service(resident, app_id)
    listing = listings(state).get(app_id)
    if listing is None or not listing.manifest.pages:
        raise MiniAppUnknown()
    client = state["ports"].clients.find(app_id)
    if not listing.open or client is None:
        raise MiniAppSuspended(reason=listing.state_reason)
    target = _page(listing.manifest.pages[0] if page is None else page)
    await _require_consent(resident, client, language, state)
    launch_id = uuid7()
    challenge = await _challenge(listing, launch_id, state)
    code = await mint_code(
        client=client,
        resident_id=resident.id,
        session_id=resident.session_id,
        launch_id=launch_id,
        redirect_uri=f"{client.origin}/",
        code_challenge=challenge,
        state=state,
    )
    parameters = {LAUNCH_PARAMETER: str(launch_id)}
    if mode is LaunchMode.QUERY:
        parameters = {CODE_PARAMETER: code, **parameters}
    return Launch(
        launch_id=launch_id,
        url=f"{client.origin}{target}{'&' if '?' in target else '?'}{urlencode(parameters)}",
        code=code,
        expires_at=state["clock"]() + CODE_LIFE,
        listing=listing,
    )


async def _require_consent(resident: Resident, client: Client, language: str, state: AppState) -> None:
    missing = await missing_scopes(resident.id, client)
    if missing:
        asked: list[dict[str, Any]] = [
            {
                "scope": scope.scope,
                "purpose": text_of(scope.purpose, language),
                "legal_basis": text_of(scope.legal_basis, language),
                "retention": text_of(scope.retention, language),
                "required": scope.required,
            }
            for scope in missing
        ]
        base_url = state["settings"].base_url
        raise ConsentRequired(
            app_id=client.app_id, scopes=asked, consent_url=f"{base_url}/consent?{urlencode({'app_id': client.app_id})}"
        )


async def _challenge(listing: PublishedListing, launch_id: UUID, state: AppState) -> str:
    site = gateway_of(state).site(listing)
    body = orjson.dumps({"launch_id": launch_id})
    try:
        answer = await call(site, "POST", LAUNCH_PATH, reference=str(launch_id), within=CHALLENGE_WITHIN, body=body)
        if answer.status != 200:
            raise CallFailed(f"the launch was answered with {answer.status}")
        return LaunchAnswer.model_validate_json(answer.body).code_challenge
    except Crowded:
        raise MiniAppBusy(headers={"Retry-After": "1"}) from None
    except Resting as rest:
        raise MiniAppUnavailable(headers={"Retry-After": str(rest.retry_after)}) from None
    except (CallFailed, ValidationError) as failure:
        reason = str(failure) if isinstance(failure, CallFailed) else "the launch was answered without a challenge"
        log.warning("launch_failed", app_id=listing.app_id, launch_id=launch_id, reason=reason)
        raise MiniAppUnavailable(headers={"Retry-After": "2"}) from None


def _page(page: str) -> str:
    path, _, query = page.partition("?")
    try:
        ours = any(name.startswith(OUR_PARAMETERS) for name, _ in parse_qsl(query, keep_blank_values=True))
        if ours or not page.isascii() or not query_is_sound(query.encode()):
            raise PathRefused("the query has a character or a name that does not belong there")
        target = canonical(path.encode()).decode()
    except PathRefused as refused:
        raise ValidationFailed(errors=[FieldError(pointer="/page", detail=f"Not a page: {refused}.")]) from None
    return f"{target}?{query}" if query else target

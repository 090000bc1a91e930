"""What an app is told of a resident: the claims behind its scopes, each look in her ledger first."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from app_server.authorization.claims import CLAIMS, given_by
from app_server.authorization.issuing import scopes_of
from app_server.authorization.service import granted_scopes
from app_server.authorization.views import purposes_of, text_of
from app_server.identity.profiles import locale_of, name_of, phone_of
from app_server.kernel.ports import Client, Viewer
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import in_unit_of_work

FIELDS = {"phone_number": "phone", "phone_number_verified": "phone"}  # as residents read it in the ledger


@in_unit_of_work
async def told(
    client: Client,
    resident_id: UUID,
    scopes: frozenset[str],
    *,
    launch_id: UUID | None,
    mandate_id: UUID | None = None,
    claims: Iterable[str] = CLAIMS,
    state: AppState,
) -> dict[str, Any]:
    """Of these claims those that the token's `scopes` give, the client still asks for, and the resident still allows.

    One look for each field and `launch_id`: who looks twice with one token is in the ledger once. With `mandate_id`
    it is somebody who acts for her that lets the app look.
    """
    allowed = scopes & scopes_of(client) & await granted_scopes(resident_id, client.app_id)
    by = {claim: scope for claim, scope in given_by(allowed).items() if claim in claims}
    looks = defaultdict(list)
    for claim, scope in by.items():
        looks[FIELDS.get(claim, claim)].append(scope)
    locale = await locale_of(resident_id, state=state)
    for field, seen_by in looks.items():
        await state["ports"].ledger.record_look(
            resident_id=resident_id,
            who=Viewer(kind="miniapp", id=client.app_id, name=text_of(client.name, locale)),
            purpose=purposes_of(client, seen_by[0]),
            fields=[field],
            reference=f"launch:{launch_id}" + (f":{field}" if field != "name" else ""),
            at=state["clock"](),
            mandate_id=mandate_id,
        )
    found = await _values(resident_id, by, state)
    return {claim: value for claim, value in found.items() if claim in by and value is not None}


async def _values(resident_id: UUID, wanted: Iterable[str], state: AppState) -> dict[str, Any]:
    keys, found = state["keys"], dict[str, Any]()
    if "name" in wanted:
        found["name"] = await name_of(resident_id, keys=keys)
    if "phone_number" in wanted or "phone_number_verified" in wanted:
        found["phone_number"] = await phone_of(resident_id, keys=keys)
        found["phone_number_verified"] = (
            True if found["phone_number"] else None
        )  # by the one-time code that every account begins with
    return found

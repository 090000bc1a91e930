"""The resident's own profile, and the little of it that other rooms ask for."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson

from app_server.identity import phones
from app_server.identity.models import District, LockedAs, Resident
from app_server.identity.problems import DistrictUnknown, SessionOver
from app_server.identity.schemas import ChangeProfile, DistrictView, Profile
from app_server.kernel.batch import Batcher
from app_server.kernel.crypto import KeyRing
from app_server.kernel.problems import FieldError, PreconditionFailed
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import fetch, fetchrow, in_unit_of_work

ProfileRows = Batcher[UUID, Any]


async def profile_of(resident_id: UUID, *, state: AppState) -> Profile:
    """The resident's profile as it was last kept. All that are asked for at once are one query."""
    rows: ProfileRows = state["profile_rows"]  # type: ignore[typeddict-item]
    return _profile(await rows(resident_id), state["keys"])


@in_unit_of_work
async def change_profile(resident_id: UUID, change: ChangeProfile, version: int | None, *, state: AppState) -> Profile:
    """Change what was sent. Problems: `precondition_failed` when `version` is given and stale, `district_unknown`."""
    keys = state["keys"]
    resident = await Resident.filter(id=resident_id).select_for_update().get()
    if version is not None and version != resident.version:
        raise PreconditionFailed()
    sent = change.model_dump(exclude_unset=True)
    if "name" in sent:
        name = sent.pop("name")
        resident.name_sealed = keys.seal("resident.name", name) if name else None
    if sent.get("district_code") and not await District.exists(code=sent["district_code"]):
        raise DistrictUnknown(errors=[FieldError(pointer="/district_code", detail="Choose one of GET /v1/districts.")])
    for member, value in sent.items():
        if value is not None or member == "district_code":
            setattr(resident, member, value)
    resident.version += 1
    await resident.save()
    return _profile((await load_profile_rows([resident_id]))[0], keys)


async def name_of(resident_id: UUID, *, keys: KeyRing) -> str | None:
    """The resident's name, or None when they have not given one."""
    row = await fetchrow("SELECT name_sealed FROM core_resident WHERE id = $1", resident_id)
    return keys.open("resident.name", row["name_sealed"]) if row and row["name_sealed"] else None


async def phone_of(resident_id: UUID, *, keys: KeyRing) -> str | None:
    """The resident's phone number in E.164, proven by a one-time code; None for somebody who has none."""
    row = await fetchrow("SELECT phone_sealed FROM core_resident WHERE id = $1", resident_id)
    return keys.open("resident.phone", row["phone_sealed"]) if row and row["phone_sealed"] else None


async def locale_of(resident_id: UUID, *, state: AppState) -> str:
    """The language the resident chose, as it was last kept."""
    rows: ProfileRows = state["profile_rows"]  # type: ignore[typeddict-item]
    row = await rows(resident_id)
    return str(row["locale"]) if row else "zh-CN"


async def districts() -> list[DistrictView]:
    """All districts, by code."""
    return [
        DistrictView(code=row["code"], name=row["name"], name_en=row["name_en"])
        for row in await fetch("SELECT code, name, name_en FROM core_district ORDER BY code")
    ]


async def load_profile_rows(ids: list[UUID]) -> Sequence[Any]:
    """The rows behind these profiles, in order; None for one that is not there."""
    rows = await fetch(
        "SELECT r.id, r.phone_sealed, r.name_sealed, r.locale, r.theme, r.elder_mode, r.roles, r.locked_as, r.version,"
        " r.created_at, d.code, d.name, d.name_en FROM core_resident r"
        " LEFT JOIN core_district d ON d.code = r.district_code"
        " WHERE r.id = ANY($1)",
        ids,
    )
    found = {row["id"]: row for row in rows}
    return [found.get(resident_id) for resident_id in ids]


def _profile(row: Any, keys: KeyRing) -> Profile:
    if row is None or row["locked_as"] == LockedAs.DELETED:
        raise SessionOver()
    district = DistrictView.model_construct(code=row["code"], name=row["name"], name_en=row["name_en"])
    return Profile.model_construct(
        id=row["id"],
        name=keys.open("resident.name", row["name_sealed"]) if row["name_sealed"] else None,
        phone_masked=phones.mask(keys.open("resident.phone", row["phone_sealed"])) if row["phone_sealed"] else None,
        locale=row["locale"],
        theme=row["theme"],
        elder_mode=row["elder_mode"],
        district=district if row["code"] else None,
        roles=orjson.loads(row["roles"]),
        created_at=row["created_at"],
        version=row["version"],
    )

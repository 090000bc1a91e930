"""The data ledger: every look at a resident's data, written before the data is given."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from app_server.kernel.clock import Clock
from app_server.kernel.ids import uuid7
from app_server.kernel.ports import Viewer
from app_server.kernel.unit_of_work import execute, fetch, in_unit_of_work
from personal_space.purposes import in_every_language

_WRITE = """
INSERT INTO personal_space_ledger_entry (id, resident_id, reference, at, who_kind, who_id, who_name, who_place,
    purpose, fields_seen, recorded_at, mandate_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10::jsonb, $11, $12)
ON CONFLICT (resident_id, reference) DO NOTHING"""
_COLUMNS = "id, at, who_kind, who_id, who_name, who_place, purpose, fields_seen, reference"
_FIRST_PAGE = f"""
SELECT {_COLUMNS} FROM personal_space_ledger_entry WHERE resident_id = $1 ORDER BY at DESC, id DESC LIMIT $2"""
_NEXT_PAGE = f"""
SELECT {_COLUMNS} FROM personal_space_ledger_entry WHERE resident_id = $1 AND (at, id) < ($3, $4)
ORDER BY at DESC, id DESC LIMIT $2"""

_UNDER_MANDATE = """
SELECT id, at, who_name, fields_seen FROM personal_space_ledger_entry
WHERE mandate_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3"""


class ResidentLedger:
    """The `DataLedger` port."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    async def record_look(
        self,
        *,
        resident_id: UUID,
        who: Viewer,
        purpose: str | Mapping[str, str],
        fields: Sequence[str],
        reference: str,
        at: datetime,
        mandate_id: UUID | None = None,
    ) -> None:
        """Write the look; the data may be given only after the caller's unit of work is kept.

        It fails closed: when the book cannot be written the unit of work fails, and nothing is shown. The same
        `reference` for the same resident is one look. `purpose` is a text, or locale → text.
        """
        await write(
            resident_id=resident_id,
            who=who,
            purpose=in_every_language(purpose),
            fields=fields,
            reference=reference,
            at=at,
            now=self._clock(),
            mandate_id=mandate_id,
        )

    async def looks_under(self, mandate_id: UUID, *, before: UUID | None, limit: int) -> Sequence[Mapping[str, Any]]:
        """What was done under a mandate, the latest first."""
        rows = await fetch(_UNDER_MANDATE, mandate_id, before, limit)
        return [{**row, "fields_seen": orjson.loads(row["fields_seen"])} for row in rows]


@in_unit_of_work
async def write(
    *,
    resident_id: UUID,
    who: Viewer,
    purpose: Mapping[str, str],
    fields: Sequence[str],
    reference: str,
    at: datetime,
    now: datetime,
    mandate_id: UUID | None = None,
) -> None:
    """Add one entry in the present unit of work, once for a `reference`."""
    await execute(
        _WRITE,
        uuid7(),
        resident_id,
        reference,
        at,
        who.kind,
        who.id,
        who.name,
        who.place,
        orjson.dumps(dict(purpose)).decode(),
        orjson.dumps(list(fields)).decode(),
        now,
        mandate_id,
    )


async def entries(resident_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int) -> list[Any]:
    """The newest looks, or those older than `after`; rows of the table."""
    if after is None:
        return await fetch(_FIRST_PAGE, resident_id, limit)
    return await fetch(_NEXT_PAGE, resident_id, limit, *after)

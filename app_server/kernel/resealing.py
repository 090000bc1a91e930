"""Sealing old values anew, page by page, so that an old sealing key can be dropped.

A run may be cut, repeated, and meet running writes: a page changes only values that are still what it read.
"""

import base64
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from app_server.kernel.audit import audit
from app_server.kernel.crypto import KeyRing, SealBroken
from app_server.kernel.ids import uuid7
from app_server.kernel.jobs import enqueue
from app_server.kernel.key_file import KeyFile, KeyFileError
from app_server.kernel.key_times import OVERLAP, in_use
from app_server.kernel.logs import logger
from app_server.kernel.rotation import one_at_a_time
from app_server.kernel.settings import Settings
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute, fetch, fetchrow, in_unit_of_work

PAGE = 500  # rows; a value may be an answer of some hundred kB
COUNTED = 20_000  # rows
FIRST = UUID(int=0)

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A column of sealed values in a table with an `id`. `field` is the name that they are bound to; with `by_name`
    the column is JSON, `{name: base64}`, and each value is bound to `field.name`.
    """

    table: str
    column: str
    field: str
    by_name: bool = False


@in_unit_of_work
async def reseal(columns: Sequence[Sealed]) -> None:
    """Let the workers seal anew what an older key than the present one has sealed."""
    run = str(uuid7())
    for column in columns:
        await _enqueue(column, run, FIRST)


async def reseal_page(payload: dict[str, Any], *, state: AppState) -> None:
    """One page of a column; then the next."""
    column, run = Sealed(**payload["column"]), payload["run"]
    table, name, kind = column.table, f'"{column.column}"', "jsonb" if column.by_name else "bytea"
    rows = await fetch(
        f"SELECT id, {name} AS value FROM {table} WHERE id > $1 ORDER BY id LIMIT {PAGE}", UUID(payload["after"])
    )
    changed = []
    for row in rows:
        try:
            anew = _anew(column, row["value"], state["keys"])
        except SealBroken:  # drop_sealing_key counts it
            log.error("value_not_resealed", table=table, row_id=row["id"])
            continue
        if anew is not None:
            changed.append((row["id"], row["value"], anew))
    if changed:
        await execute(
            f"UPDATE {table} SET {name} = changed.anew"
            f" FROM unnest($1::uuid[], $2::{kind}[], $3::{kind}[]) AS changed (id, read, anew)"
            f" WHERE {table}.id = changed.id AND {table}.{name} = changed.read",
            *map(list, zip(*changed, strict=True)),
        )
    if len(rows) == PAGE:
        await _enqueue(column, run, rows[-1]["id"])


@in_unit_of_work
async def drop_sealing_key(settings: Settings, columns: Sequence[Sealed], key_id: str, now: datetime) -> None:
    """Take an old sealing key out of the file, audited. Raises `KeyFileError`, and changes nothing, when it is not one
    that gave way `OVERLAP` ago (what was sealed for a token or in a process has ended since), or a value needs it.
    """
    await one_at_a_time()
    file = KeyFile.read(settings.key_file)
    present = in_use(file.sealing, now)
    older = [key.id.hex() for key in file.sealing[file.sealing.index(present) + 1 :]]
    if key_id not in older:
        raise KeyFileError(f"There is no older sealing key {key_id}: `banyan keys list` shows them.")
    if now < (safe := present.used_from + OVERLAP):
        raise KeyFileError(f"Sealed values may still be on their way. Ask again after {safe:%Y-%m-%d %H:%M} UTC.")
    needed = {column: count for column in columns if (count := await _sealed_by(column, bytes.fromhex(key_id)))}
    if needed:
        where = ", ".join(f"{count} in {column.table}.{column.column}" for column, count in needed.items())
        raise KeyFileError(f"Values still need it ({where}): run `banyan keys reseal`, and ask again when it is done.")
    await audit("system", "banyan keys drop", "keys.dropped", f"sealing_key:{key_id}")
    file.without_sealing_key(bytes.fromhex(key_id)).replace(settings.key_file)


def _anew(column: Sealed, value: Any, keys: KeyRing) -> bytes | str | None:
    """The value for its column, sealed anew; None if that is not needed."""
    if not value:
        return None
    if not column.by_name:
        return keys.sealed_anew(column.field, value)
    values = {name: base64.b64decode(sealed) for name, sealed in orjson.loads(value).items()}
    anew = {name: keys.sealed_anew(f"{column.field}.{name}", sealed) for name, sealed in values.items()}
    if not any(anew.values()):
        return None
    return orjson.dumps({n: base64.b64encode(anew[n] or old).decode() for n, old in values.items()}).decode()


async def _sealed_by(column: Sealed, key_id: bytes) -> int:
    """How many rows have a value under this key. Page by page too: no statement may take long."""
    under = "substring(value FROM 1 FOR 4) = $1"
    if column.by_name:
        under = (
            "EXISTS (SELECT 1 FROM jsonb_each_text(value) AS each"
            " WHERE substring(decode(each.value, 'base64') FROM 1 FOR 4) = $1)"
        )
    found, after = 0, FIRST
    while True:
        page = await fetchrow(
            f"SELECT count(*) AS rows, count(*) FILTER (WHERE {under}) AS found,"
            " (array_agg(id ORDER BY id DESC))[1] AS last"
            f' FROM (SELECT id, "{column.column}" AS value FROM {column.table} WHERE id > $2'
            f" ORDER BY id LIMIT {COUNTED}) AS page",
            key_id,
            after,
        )
        found += int(page["found"])
        if page["rows"] < COUNTED:
            return found
        after = page["last"]


async def _enqueue(column: Sealed, run: str, after: UUID) -> None:
    payload = {"column": asdict(column), "run": run, "after": str(after)}
    await enqueue("reseal", payload, unique_key=f"reseal:{run}:{column.table}.{column.column}:{after}")

"""Recovery codes, as use cases: ten on a sheet of paper, each good once in place of the app or the phone."""

import secrets
import unicodedata
from uuid import UUID

from app_server.identity.factors.changes import end_opened_with, hold, tell
from app_server.identity.models import SignInMethod
from app_server.identity.presence import Purpose, require_presence
from app_server.kernel.crypto import KeyRing
from app_server.kernel.ids import uuid7
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute, fetchrow, in_unit_of_work

MOST = 10
LENGTH = 12  # characters of 5 bits
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: nothing in it looks like anything else in it
_READ_AS = str.maketrans("OIL", "011")


@in_unit_of_work
async def make(resident_id: UUID, *, here: UUID, state: AppState) -> tuple[list[str], list[UUID]]:
    """Ten new codes, shown once, in place of all older ones; and the sessions that ended. Problems:
    `insufficient_user_authentication`, those of `hold`.
    """
    await hold(resident_id)
    await require_presence(resident_id, here, Purpose.CODES, state=state)
    await execute("DELETE FROM core_recovery_code WHERE resident_id = $1", resident_id)
    codes = ["".join(secrets.choice(ALPHABET) for _ in range(LENGTH)) for _ in range(MOST)]
    await execute(
        "INSERT INTO core_recovery_code (id, resident_id, code_hash, created_at)"
        " SELECT id, $2, code_hash, $4 FROM unnest($1::uuid[], $3::text[]) AS made (id, code_hash)",
        [uuid7() for _ in codes],
        resident_id,
        [_hash(state["keys"], resident_id, code) for code in codes],
        state["clock"](),
    )
    await tell(resident_id, "recovery_codes_made", state=state)
    ended = await end_opened_with(resident_id, [SignInMethod.OTP_RC, SignInMethod.PWD_RC], here=here, state=state)
    return [written(code) for code in codes], ended


async def left(resident_id: UUID) -> int:
    """How many can still be used."""
    row = await fetchrow(
        "SELECT count(*) AS left FROM core_recovery_code WHERE resident_id = $1 AND used_at IS NULL", resident_id
    )
    return int(row["left"])


async def accept(resident_id: UUID, code: str, *, state: AppState) -> bool:
    """Whether this is a code that was not used yet; it is used then, and told. In the caller's unit of work."""
    used = await execute(
        "UPDATE core_recovery_code SET used_at = $3 WHERE resident_id = $1 AND code_hash = $2 AND used_at IS NULL",
        resident_id,
        _hash(state["keys"], resident_id, read(code)),
        state["clock"](),
    )
    if used:
        await tell(resident_id, "recovery_code_used", state=state)
    return bool(used)


def written(code: str) -> str:
    """As people read it: in groups of four."""
    return "-".join(code[place : place + 4] for place in range(0, len(code), 4))


def read(text: str) -> str:
    """The code that somebody typed, however they wrote it."""
    plain = unicodedata.normalize("NFKC", text).upper()
    return "".join(each for each in plain if each.isalnum()).translate(_READ_AS)


def _hash(keys: KeyRing, resident_id: UUID, code: str) -> str:
    return keys.blind_index("recovery.code", f"{resident_id}\0{code}").hex()

"""Shown codes in Redis: one entry a code, for a minute, taken by one command that is never repeated.

The handle is a keyed function of the 12 digits, so that both forms name one entry and one taking uses up both. Without
the key ring nobody can make a handle from guessed digits: a QR code is as strong as 16 random bytes.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from app_server.kernel.crypto import KeyRing
from app_server.kernel.redis import Redis, RedisUnavailable
from card_wallet import codes
from card_wallet.codes import Handle, Spoken
from card_wallet.problems import CardCodeAlreadyUsed, CardCodeStale, CardCodeUsedElsewhere, CardsOffline

_LIFE = int(codes.LIFE.total_seconds())
_REMEMBERED = int(codes.REMEMBERED.total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a live code stands for."""

    card_id: UUID
    resident_id: UUID
    app_id: str
    card_type: str
    shown_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCode:
    """A code in both its forms."""

    handle: Handle
    spoken: Spoken


async def keep(redis: Redis, keys: KeyRing, shown: Shown) -> ShownCode:
    """Make a new code for the card and keep it for `codes.LIFE`. Raises `cards_offline`."""
    entry = (
        f"live:{shown.card_id.hex}:{shown.resident_id.hex}:{int(shown.shown_at.timestamp())}"
        f":{shown.app_id}:{shown.card_type}"
    )
    while True:
        spoken = codes.spoken(secrets.randbelow(codes.SPOKEN_NUMBERS))
        handle = handle_of(spoken, keys)
        try:
            kept = await redis.call("SET", _key(handle), entry, "NX", "EX", _LIFE)
        except RedisUnavailable:
            raise CardsOffline() from None
        if kept:  # else somebody shows these very digits now
            return ShownCode(handle=handle, spoken=spoken)


async def take(redis: Redis, handle: Handle, verifier_id: UUID, attempt: str) -> Shown:
    """Use the code up for this attempt of this reader; only one attempt ever gets it, and gets it again if it repeats.

    Raises `card_code_stale`, `card_code_already_used`, `card_code_used_elsewhere`, or `cards_offline`: then the code
    may be used up, and only the same attempt can still have it.
    """
    name = sha256(attempt.encode()).hexdigest()[:32]
    try:
        entry = await redis.call("EVAL", _TAKE, 1, _key(handle), f"used:{verifier_id.hex}:{name}", _REMEMBERED)
    except RedisUnavailable:
        raise CardsOffline() from None
    if entry is None:
        raise CardCodeStale()
    state, rest = entry.decode().split(":", 1)
    if state == "used":
        reader, before, rest = rest.split(":", 2)
        if reader != verifier_id.hex:
            raise CardCodeUsedElsewhere()
        if before != name:
            raise CardCodeAlreadyUsed()
    return _shown(rest)


# What is used stays as its first taker left it: a later one neither takes it over nor lengthens its life.
_TAKE = """
local entry = redis.call('GET', KEYS[1])
if entry and string.sub(entry, 1, 5) == 'live:' then
  redis.call('SET', KEYS[1], ARGV[1] .. string.sub(entry, 5), 'EX', ARGV[2])
end
return entry
"""


def _shown(entry: str) -> Shown:
    card, resident, shown_at, app_id, card_type = entry.split(":", 4)
    return Shown(
        card_id=UUID(hex=card),
        resident_id=UUID(hex=resident),
        app_id=app_id,
        card_type=card_type,
        shown_at=datetime.fromtimestamp(int(shown_at), UTC),
    )


def handle_of(spoken: Spoken, keys: KeyRing) -> Handle:
    """The handle that goes with the digits."""
    return Handle(keys.blind_index("card_wallet.handle", spoken)[: codes.HANDLE_BYTES])


def _key(handle: Handle) -> str:
    return f"card:shown:{handle.hex()}"

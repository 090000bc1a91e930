"""Which reader a token belongs to. A process remembers for three seconds, so a removed reader is out everywhere in
less than five.
"""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import timedelta

from app_server.kernel.access import Verifier
from app_server.kernel.batch import Batcher
from app_server.kernel.clock import Clock
from app_server.kernel.crypto import token_hash
from app_server.kernel.unit_of_work import fetch

PREFIX = "bv_"
COOKIE = "banyan_reader"
SCOPES = frozenset({"cards:verify"})
REMEMBERED_FOR = timedelta(seconds=3)
REMEMBERED = 10_000


class Readers:
    """The readers that were seen in the last seconds, by the hash of their token."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[float, Verifier]] = OrderedDict()
        self._load: Batcher[str, Verifier | None] = Batcher(_load, lanes=2)

    async def resolve(self, token: str, clock: Clock) -> Verifier | None:
        """The reader with this token; None when there is none, or it was removed."""
        key, now = token_hash(token), clock().timestamp()
        seen = self._seen.get(key)
        if seen is not None and now < seen[0]:
            return seen[1]
        reader = await self._load(key)
        if reader is None:
            self._seen.pop(key, None)
            return None
        self._seen[key] = (now + REMEMBERED_FOR.total_seconds(), reader)
        self._seen.move_to_end(key)
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return reader

    def forget_all(self) -> None:
        """Look every reader up again: one was removed or enrolled anew."""
        self._seen.clear()


async def _load(hashes: list[str]) -> Sequence[Verifier | None]:
    rows = await fetch(
        "SELECT token_hash, id, name, place, app_id, role FROM card_wallet_verifier"
        " WHERE token_hash = ANY($1) AND removed_at IS NULL",
        hashes,
    )
    found = {
        row["token_hash"]: Verifier(
            id=row["id"],
            name=row["name"],
            place=row["place"],
            app_id=row["app_id"],
            role=row["role"],
            scopes=SCOPES,
        )
        for row in rows
    }
    return [found.get(key) for key in hashes]

"""A client that a provider registered in the town, and a resident who lets it act while she is away."""

import random
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson

from app_server.kernel.clock import system_clock
from app_server.kernel.crypto import token_hash
from app_server.kernel.ids import uuid7
from tests.authorization.relying_parties import CHALLENGE, CLINIC, PLACE, PROMISE, VERIFIER
from tests.faults.journal import Journal
from tests.faults.outside import Outside
from tests.faults.residents import signed_in
from tests.faults.town import Town

SCOPES = [{"scope": "offline_access", "required": True, **PROMISE}]


@dataclass(frozen=True)
class Clinic:
    """A client without a key, and a resident who allows it to act while she is away."""

    town: Town
    client_id: str
    resident_id: Any
    session_id: Any

    async def codes(self, count: int) -> list[str]:
        """What the authorization endpoint gave for her, so many times."""
        codes = [secrets.token_urlsafe(32) for _ in range(count)]
        for code in codes:
            await self.town.execute(
                "INSERT INTO core_launch_code (id, code_hash, app_id, resident_id, session_id, launch_id, redirect_uri,"
                " code_challenge, scope, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                uuid7(),
                token_hash(code),
                self.client_id,
                self.resident_id,
                self.session_id,
                uuid7(),
                PLACE,
                CHALLENGE,
                "offline_access openid",
                system_clock() + timedelta(minutes=2),
            )
        return codes

    def trade(self, code: str) -> dict[str, Any]:
        """The form that redeems it."""
        form = {"grant_type": "authorization_code", "client_id": self.client_id, "code": code}
        return {"data": form | {"redirect_uri": PLACE, "code_verifier": VERIFIER}}


async def settled(town: Town, outside: Outside, journal: Journal, dice: random.Random) -> Clinic:
    """A clinic of its own, known to the web process."""
    visitor, client_id = await signed_in(outside, journal, dice), f"c_{dice.getrandbits(64):016x}"
    index = town.keys.blind_index("resident.phone", visitor.phone).hex()
    (row,) = await town.rows(
        "SELECT s.id, s.resident_id FROM core_session s JOIN core_resident r ON r.id = s.resident_id"
        " WHERE r.phone_index = $1",
        index,
    )
    await town.execute(
        "INSERT INTO core_registered_client (id, client_id, organisation_id, name, redirect_uris, proof, public_keys,"
        " scopes, version, created_at) VALUES ($1, $2, $3, $4, $5, 'none', '[]', $6, 1, now())",
        uuid7(),
        client_id,
        uuid7(),
        orjson.dumps(CLINIC["name"]).decode(),
        orjson.dumps([PLACE]).decode(),
        orjson.dumps(SCOPES).decode(),
    )
    for scope in ("openid", "offline_access"):
        await town.execute(
            "INSERT INTO core_consent (id, resident_id, app_id, sub, scope, granted_at)"
            " VALUES ($1, $2, $3, 'her', $4, now())",
            uuid7(),
            row["resident_id"],
            client_id,
            scope,
        )
    await town.web.killed_and_back()  # it reads the clients before it answers
    return Clinic(town, client_id, row["resident_id"], row["id"])

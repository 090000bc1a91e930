"""A launch code is redeemed once, with an assertion used once; all that wait in one statement, which is the commit.

Who asks again within `GRACE`, because the answer was lost, gets the same again: one session and one refresh token.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from app_server.identity.models import SignInMethod
from app_server.identity.refresh import GRACE
from app_server.kernel.batch import Batcher
from app_server.kernel.ids import uuid7
from app_server.kernel.unit_of_work import fetch, fetchrow


@dataclass(frozen=True, slots=True, kw_only=True)
class Redemption:
    """A code, what it must have been made for, and the assertion that proves the client. All text is printable: what
    PostgreSQL cannot store would fail those who wait beside it.
    """

    app_id: str
    jti: str | None  # None for a client that proves itself by PKCE alone
    assertion_expires_at: datetime | None
    code_hash: str
    redirect_uri: str
    code_challenge: str
    refresh_hash: str  # of the token that a client gets which the resident lets act while she is away; same for a code
    jkt: str | None  # thumbprint of the key that the client has proven to hold
    grant_jkt: str | None  # the same, if its refresh tokens are to be bound to the key (RFC 9449 §5)
    grant_expires_at: datetime
    at: datetime


class UnderMandate(NamedTuple):
    """That somebody acts for the resident: under which mandate, and who."""

    mandate_id: UUID
    actor_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RedeemedCode:
    """What a code stood for, and what the resident allows the app now.

    `asked` is None for a launch, which gets all that is granted. For a registered client `session_id` is a session of
    its own, which the code opened; `lasting` says that it goes on while the resident is away.
    `nonce` and `id_token_claims` go into the ID token; `signed_in_at` is when the resident proved who they are.
    `mandate` says who acts for the resident, if it was not they who opened it.
    """

    resident_id: UUID
    session_id: UUID
    launch_id: UUID
    mandate: UnderMandate | None
    nonce: str | None
    asked: frozenset[str] | None
    granted: frozenset[str]
    signed_in_at: datetime
    method: SignInMethod
    lasting: bool
    id_token_claims: frozenset[str]


class AssertionUsed(Exception):
    """The client has used the assertion before; the code stays as it was."""


Redemptions = Batcher[Redemption, RedeemedCode | None]


async def redeem_all(asked: list[Redemption]) -> Sequence[RedeemedCode | AssertionUsed | None]:
    """What each code stood for; None when it is used, old, or another app's, origin's or challenge's."""
    ids = [uuid7() for _ in asked]
    rows = await fetch(
        _REDEEM,
        ids,
        [each.app_id for each in asked],
        [each.jti for each in asked],
        [each.assertion_expires_at for each in asked],
        [each.code_hash for each in asked],
        [each.redirect_uri for each in asked],
        [each.code_challenge for each in asked],
        [each.at for each in asked],
        [each.refresh_hash for each in asked],
        [each.grant_expires_at for each in asked],
        [uuid7() for _ in asked],
        [each.jkt for each in asked],
        [each.grant_jkt for each in asked],
    )
    found = {row["id"]: _redeemed(row) if row["launch_id"] is not None else None for row in rows}
    return [found[each] if each in found else AssertionUsed() for each in ids]


async def redeemed_before(asked: Redemption) -> RedeemedCode | None:
    """What the code gave within the last `GRACE`, to the same client for the same request, if that stands; else None.

    Also None once the refresh token that it gave was used: then the answer has arrived.
    """
    row = await fetchrow(
        _REDEEMED,
        asked.code_hash,
        asked.app_id,
        asked.redirect_uri,
        asked.code_challenge,
        asked.refresh_hash,
        asked.at,
        asked.at - GRACE,
        asked.jkt,
    )
    return _redeemed(row) if row else None


def _redeemed(row: Any) -> RedeemedCode:
    return RedeemedCode(
        resident_id=row["resident_id"],
        session_id=row["session_id"],
        launch_id=row["launch_id"],
        mandate=UnderMandate(row["mandate_id"], row["actor_id"]) if row["mandate_id"] else None,
        nonce=row["nonce"],
        asked=None if row["asked"] is None else frozenset(row["asked"].split()),
        granted=frozenset(row["granted"] or ()),
        signed_in_at=row["signed_in_at"],
        method=SignInMethod(row["method"]),
        lasting=row["lasting"],
        id_token_claims=frozenset((row["id_token_claims"] or "").split()),
    )


# Rows are locked in one order, so that two processes wait for each other and never in a circle.
_REDEEM = """
WITH asked AS (
  SELECT * FROM unnest(
    $1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::timestamptz[],
    $9::text[], $10::timestamptz[], $11::uuid[], $12::text[], $13::text[]
  ) AS a (
    id, app_id, jti, assertion_expires_at, code_hash, redirect_uri, code_challenge, at, refresh_hash, grant_expires_at,
    refresh_id, jkt, grant_jkt)
), proven AS (
  INSERT INTO core_used_assertion (id, app_id, jti, expires_at)
  SELECT id, app_id, jti, assertion_expires_at FROM asked WHERE jti IS NOT NULL ORDER BY app_id, jti
  ON CONFLICT (app_id, jti) DO NOTHING
  RETURNING id
), heard AS (
  SELECT id FROM proven UNION ALL SELECT id FROM asked WHERE jti IS NULL
), good AS (
  SELECT a.id, a.at, a.refresh_hash, a.grant_expires_at, a.refresh_id, a.jkt, a.grant_jkt, c.id AS code_id,
    s.created_at AS signed_in_at, s.method, s.expires_at, s.mandate_id, s.actor_id
  FROM heard JOIN asked a USING (id)
  JOIN core_launch_code c USING (code_hash, app_id, redirect_uri, code_challenge)
  JOIN core_session s ON s.id = c.session_id AND s.ended_at IS NULL
  JOIN core_resident p ON p.id = s.resident_id AND p.locked_at IS NULL
  WHERE c.used_at IS NULL AND c.expires_at > a.at AND (c.dpop_jkt IS NULL OR c.dpop_jkt = a.jkt)
  ORDER BY c.id FOR UPDATE OF c FOR SHARE OF s, p -- who ends the session or locks the account waits, or is waited for
), redeemed AS (
  UPDATE core_launch_code c SET used_at = g.at, dpop_jkt = g.jkt FROM good g WHERE c.id = g.code_id
  RETURNING g.*, c.app_id, c.resident_id, c.session_id, c.launch_id, c.nonce, c.scope, c.id_token_claims
), known AS (
  SELECT r.*, (
    SELECT array_agg(g.scope) FROM core_consent g
    WHERE g.resident_id = r.resident_id AND g.app_id = r.app_id AND g.withdrawn_at IS NULL
  ) AS granted FROM redeemed r
), judged AS (
  SELECT k.*, k.scope IS NOT NULL AS is_client, coalesce(
    'offline_access' = ANY (string_to_array(k.scope, ' ')) AND 'offline_access' = ANY (k.granted), false) AS lasting
  FROM known k
), opened AS ( -- a client's own session; what lasts while the resident is away does not end with hers
  INSERT INTO core_session (
    id, resident_id, token_hash, user_agent, method, created_at, last_used_at, expires_at, client_id, parent_id,
    opened_in, scope, dpop_jkt)
  SELECT j.launch_id, j.resident_id, 'no cookie ' || j.launch_id, '', j.method, j.at, j.at,
    CASE WHEN j.lasting THEN j.grant_expires_at ELSE j.expires_at END,
    j.app_id, CASE WHEN j.lasting THEN NULL ELSE j.session_id END, j.session_id, j.scope, j.grant_jkt
  FROM judged j WHERE j.is_client
), kept AS (
  INSERT INTO core_refresh_token (id, session_id, token_hash, created_at)
  SELECT j.refresh_id, j.launch_id, j.refresh_hash, j.at FROM judged j WHERE j.lasting
)
SELECT heard.id, j.resident_id, CASE WHEN j.is_client THEN j.launch_id ELSE j.session_id END AS session_id,
  j.launch_id, j.mandate_id, j.actor_id, j.nonce, j.scope AS asked, j.granted, j.signed_in_at, j.method, j.lasting,
  j.id_token_claims
FROM heard LEFT JOIN judged j USING (id)
"""

_REDEEMED = """
SELECT c.resident_id, given.id AS session_id, c.launch_id, c.nonce, c.scope AS asked, (
    SELECT array_agg(g.scope) FROM core_consent g
    WHERE g.resident_id = c.resident_id AND g.app_id = c.app_id AND g.withdrawn_at IS NULL
  ) AS granted,
  s.created_at AS signed_in_at, s.method, s.mandate_id, s.actor_id,
  c.scope IS NOT NULL AND given.parent_id IS NULL AS lasting, c.id_token_claims
FROM core_launch_code c
JOIN core_session s ON s.id = c.session_id
JOIN core_session given ON given.id = CASE WHEN c.scope IS NULL THEN c.session_id ELSE c.launch_id END
JOIN core_resident p ON p.id = c.resident_id AND p.locked_at IS NULL
WHERE c.code_hash = $1 AND c.app_id = $2 AND c.redirect_uri = $3 AND c.code_challenge = $4
  AND c.used_at >= $7 AND given.ended_at IS NULL AND given.expires_at > $6
  AND c.dpop_jkt IS NOT DISTINCT FROM $8
  AND NOT EXISTS (SELECT 1 FROM core_refresh_token t WHERE t.token_hash = $5 AND t.used_at IS NOT NULL)
"""

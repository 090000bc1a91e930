"""The tokens that are given: access tokens (RFC 9068) and ID tokens (OpenID Connect Core §2)."""

import base64
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import orjson

from app_server.authorization.redeeming import RedeemedCode, UnderMandate
from app_server.authorization.service import subject_of
from app_server.identity import assurance
from app_server.identity.profiles import locale_of
from app_server.identity.service import FIRST_PARTY
from app_server.kernel.access import Acting, MiniApp, Resident
from app_server.kernel.ids import uuid7_text
from app_server.kernel.ports import Client
from app_server.kernel.state import AppState
from app_server.kernel.tokens import VerifiedClaims, sign

ACTING = "token.acting"  # what the sealed part of such a token is bound to


def scopes_of(client: Client) -> frozenset[str]:
    """What the client asks for today; it may have asked for more once."""
    return frozenset({"openid"} | {asked.scope for asked in client.scopes})


def resident_token(
    client: Client,
    scopes: frozenset[str],
    *,
    resident_id: UUID,
    session_id: UUID,
    launch_id: UUID,
    jkt: str | None,
    mandate: UnderMandate | None = None,
    state: AppState,
) -> str:
    """An access token (RFC 9068), bound to the key of that thumbprint (RFC 9449 §6), if any. Who the resident is, and
    the session that it ends with, stand in it sealed: the client learns only `sub`; two apps have nothing to compare.

    Where another acts for them, `act` says who, also as this client knows people (RFC 8693 §4.1).
    """
    named = f"{resident_id} {mandate.mandate_id}" if mandate else str(resident_id)
    sealed = state["keys"].seal("token.resident", named)
    claims = access_claims(client, jkt, state) | {
        "sub": subject_of(client, resident_id, state["keys"]),
        "scope": " ".join(sorted(scopes)),
        "ses": _b64(state["keys"].seal("token.session", str(session_id))),
        "launch_id": str(launch_id),
        "ctx": _b64(sealed),
    }
    if mandate:
        claims["act"] = {"sub": subject_of(client, mandate.actor_id, state["keys"])}
    return sign(claims, typ="at+jwt", keys=state["keys"])


async def id_token(client: Client, code: RedeemedCode, state: AppState, told: Mapping[str, object]) -> str:
    """Who signed in, when and how, as this client may know it, and what it asked to be `told` here."""
    claims = dict(told) | common_claims(client, state)
    claims |= {
        "sub": subject_of(client, code.resident_id, state["keys"]),
        "aud": client.app_id,
        "locale": await locale_of(code.resident_id, state=state),
        "acr": assurance.OF[code.method].acr,
        "amr": list(assurance.OF[code.method].amr),
        "auth_time": int(code.signed_in_at.timestamp()),
    }
    nonce = str(code.launch_id) if code.asked is None else code.nonce
    if nonce is not None:
        claims["nonce"] = nonce
    if code.asked is not None:  # a launch is part of the resident's own session, whose name is nobody else's to know
        claims["sid"] = str(code.session_id)
    if code.mandate:
        claims["act"] = {"sub": subject_of(client, code.mandate.actor_id, state["keys"])}
    return sign(claims, typ="JWT", keys=state["keys"])


def principal_of(claims: VerifiedClaims, state: AppState) -> Resident | MiniApp:
    """The caller that one of our access tokens stands for."""
    if claims["client_id"] == FIRST_PARTY:
        return Resident(
            id=UUID(claims["sub"]),
            session_id=UUID(claims["sid"]),
            roles=frozenset(claims["roles"]),
            organisation_id=UUID(claims["org"]) if claims["org"] else None,
            acting=_acting(claims, state) if "act" in claims else None,
        )
    app_id, scopes = claims["client_id"], frozenset(claims["scope"].split())
    if "ctx" not in claims:
        return MiniApp(app_id=app_id, scopes=scopes)
    resident_id, _, mandate_id = state["keys"].open("token.resident", _unb64(claims["ctx"])).partition(" ")
    return MiniApp(
        app_id=app_id,
        scopes=scopes,
        sub=claims["sub"],
        resident_id=UUID(resident_id),
        launch_id=UUID(claims["launch_id"]),
        mandate_id=UUID(mandate_id) if mandate_id else None,
        act_sub=claims["act"]["sub"] if mandate_id else None,
    )


def session_of(claims: VerifiedClaims, state: AppState) -> UUID | None:
    """The session that one of our access tokens ends with; None for an app's own."""
    if "ses" in claims:
        return UUID(state["keys"].open("token.session", _unb64(claims["ses"])))
    return UUID(claims["sid"]) if "sid" in claims else None


def acting_token(resident: Resident, expires_at: datetime, state: AppState) -> str:
    """The resident app's access token for who acts for that resident: `act` says who (RFC 8693 §4.1), without a chain.

    How far the mandate goes, and the names that the ledger needs, stand in it sealed.
    """
    assert resident.acting is not None, "somebody acts"
    issuer, now = state["settings"].base_url, int(state["clock"]().timestamp())
    claims: dict[str, object] = {
        "iss": issuer,
        "aud": issuer,
        "client_id": FIRST_PARTY,
        "sub": str(resident.id),
        "act": {"sub": str(resident.acting.actor_id)},
        "sid": str(resident.session_id),
        "roles": [],
        "org": None,
        "ctx": _b64(state["keys"].seal(ACTING, orjson.dumps(resident.acting, default=_plain).decode())),
        "iat": now,
        "exp": int(expires_at.timestamp()),
        "jti": uuid7_text(),
    }
    return sign(claims, typ="at+jwt", keys=state["keys"])


def _acting(claims: VerifiedClaims, state: AppState) -> Acting:
    said = orjson.loads(state["keys"].open(ACTING, _unb64(claims["ctx"])))
    ids = {name: UUID(said.pop(name)) for name in ("mandate_id", "actor_id", "own_session_id")}
    return Acting(**said | ids | {"app_ids": frozenset(said["app_ids"])})


def _plain(value: object) -> object:
    """What orjson leaves to us: the driver's own UUIDs, and sets."""
    return sorted(value) if isinstance(value, frozenset) else str(value)


def access_claims(client: Client, jkt: str | None, state: AppState) -> dict[str, object]:
    """What every access token of this client's says; with `jkt`, that it is bound to the key of that thumbprint."""
    return common_claims(client, state) | ({"cnf": {"jkt": jkt}} if jkt else {})


def token_type(jkt: str | None) -> str:
    """How an access token is sent (RFC 9449 §5)."""
    return "DPoP" if jkt else "Bearer"


def common_claims(client: Client, state: AppState) -> dict[str, object]:
    """What every token of this client's says."""
    issuer, now = state["settings"].base_url, int(state["clock"]().timestamp())
    return {
        "iss": issuer,
        "aud": issuer,
        "client_id": client.app_id,
        "iat": now,
        "exp": now + state["settings"].access_token_seconds,
        "jti": uuid7_text(),
    }


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

"""Claims that a client asks for one by one (the `claims` parameter, OpenID Connect Core §5.5). Pure.

Each claim is a scope with a finer name: a client registers `claim:name` with its purpose as it does `profile`, and
consent, its withdrawal and the ledger are those of every scope. A claim for which the client has stated no purpose is
passed over, as one that nobody knows.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

LONGEST = 4096  # characters of the parameter; JSON may have any character
GIVES: Mapping[str, tuple[str, ...]] = {  # which claims a scope gives; of several scopes, the first that is granted
    "profile:read": ("name",),
    "profile": ("name",),
    "claim:name": ("name",),
    "phone": ("phone_number", "phone_number_verified"),
    "claim:phone_number": ("phone_number", "phone_number_verified"),
    "claim:identity_level": ("identity_level",),
    "claim:verified_name": ("verified_name",),
    "claim:verified_birthdate": ("verified_birthdate",),
}
CLAIMS = tuple(dict.fromkeys(claim for claims in GIVES.values() for claim in claims))
VERIFIED = {"name": "verified_name", "birthdate": "verified_birthdate"}  # within `verified_claims`, and here
TRUST_FRAMEWORK = "urn:banyan:trust-framework:city"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedClaims:
    """What of it is understood. `sub` is the one resident whom the answer may be about; `acr` holds the values of which
    the sign-in must have one. None, and no values, when the client does not mind.
    """

    userinfo: frozenset[str]
    id_token: frozenset[str]
    sub: str | None
    acr: frozenset[str]


NONE = AskedClaims(userinfo=frozenset(), id_token=frozenset(), sub=None, acr=frozenset())


def read(text: str) -> AskedClaims:
    """The parameter. Raises `ValueError` with a sentence for the client's developer, which repeats nothing of it."""
    try:
        document = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise ValueError("claims must be JSON in which no member stands twice") from None
    members = {name: _member(document, name) for name in ("userinfo", "id_token")}
    essential = members["id_token"].get("acr") or {}
    return AskedClaims(
        userinfo=_claims(members["userinfo"]),
        id_token=_claims(members["id_token"]),
        sub=_one_sub(members),
        acr=frozenset(_values(essential)) if essential.get("essential") else frozenset(),
    )


def scopes_for(claims: Iterable[str], registered: Iterable[str]) -> frozenset[str]:
    """The scopes that give these claims, of those that the client has registered: a single one before a broad one."""
    known = sorted(registered, key=lambda scope: not scope.startswith("claim:"))
    found = (next((scope for scope in known if claim in GIVES.get(scope, ())), None) for claim in claims)
    return frozenset(scope for scope in found if scope)


def given_by(scopes: frozenset[str]) -> Mapping[str, str]:
    """The claims that these scopes give, each with the scope by which."""
    return {
        claim: next(scope for scope in GIVES if scope in scopes and claim in GIVES[scope])
        for claim in CLAIMS
        if any(claim in GIVES.get(scope, ()) for scope in scopes)
    }


def _member(document: Any, name: str) -> Mapping[str, Any]:
    asked = document.get(name) if isinstance(document, dict) else False
    if asked is None:
        return {}
    if not isinstance(asked, dict):
        raise ValueError("claims must be an object, and its userinfo and id_token objects too")
    for claim, wish in asked.items():
        if claim != "verified_claims" and wish is not None and not _understood(wish):
            raise ValueError("each of the claims is null, or an object with essential (true or false), value or values")
    return asked


def _claims(member: Mapping[str, Any]) -> frozenset[str]:
    wishes = member.get("verified_claims") or []
    found = {name for name in member if name not in VERIFIED.values()}
    for wish in wishes if isinstance(wishes, list) else [wishes]:
        found |= _verified(wish)
    return frozenset(found)


def _verified(wish: Any) -> set[str]:
    """What is asked for of verified claims (OpenID Identity Assurance 1.0, the request of verified claims)."""
    verification, wanted = (wish.get(name) if isinstance(wish, dict) else None for name in ("verification", "claims"))
    if not isinstance(verification, dict) or "trust_framework" not in verification or not isinstance(wanted, dict):
        raise ValueError("claims: verified_claims needs verification with trust_framework, and claims")
    framework = verification["trust_framework"]
    if framework is not None and not _understood(framework):
        raise ValueError("claims: trust_framework is null, or an object with value or values")
    if framework and TRUST_FRAMEWORK not in _values(framework, TRUST_FRAMEWORK):
        return set()
    return {VERIFIED[name] for name in wanted if name in VERIFIED}


def _understood(wish: Any) -> bool:
    return (
        isinstance(wish, dict)
        and isinstance(wish.get("essential", False), bool)
        and isinstance(wish.get("values", []), list)
    )


def _values(wish: Mapping[str, Any], *unless_said: str) -> list[str]:
    wanted = [wish["value"]] if "value" in wish else wish.get("values", unless_said)
    if not all(isinstance(value, str) and value.isascii() and value.isprintable() for value in wanted):
        raise ValueError("the values of acr, sub and trust_framework are texts of printable ASCII")
    return list(wanted)


def _one_sub(members: Mapping[str, Mapping[str, Any]]) -> str | None:
    wanted = {value for member in members.values() for value in _values(member.get("sub") or {})}
    if len(wanted) > 1:
        raise ValueError("claims may ask for one sub only")
    return next(iter(wanted), None)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a member stands twice")
    return document


def _refuse(constant: str) -> None:
    raise ValueError(constant)

"""What a client asks at the authorization endpoint (RFC 6749 §4.1.1, RFC 7636, OpenID Connect Core §3.1.2.1). Pure.

An error goes to the client only after its redirect URI is proven; until then it is told to the person.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app_server.authorization import claims
from app_server.identity.assurance import LEVELS
from app_server.kernel.ports import Client
from app_server.kernel.tokens import MAX_BYTES, TokenRefused

LONGEST = 2048  # characters of one parameter
LONGEST_NONCE = 512
LONGEST_HINT = 100  # characters of `ui_locales`; more says nothing

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_THUMBPRINT = _CHALLENGE
_PRINTABLE = re.compile(r"[\x20-\x7e]*")  # VSCHAR and more: RFC 6749 appendix A
_NAMES = {  # that an error may repeat; what else a client sends is not named
    *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "prompt", "max_age"),
    *("code_challenge_method", "response_mode", "login_hint", "ui_locales", "acr_values", "id_token_hint", "display"),
    *("claims", "resource", "request", "request_uri", "registration", "dpop_jkt"),
}
_PROMPTS = frozenset({"none", "login", "consent", "select_account"})
_NOT_SUPPORTED = {  # OpenID Connect Core §6, §7.2.1
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}


class ResponseMode(StrEnum):
    """How the answer comes back to the client (OAuth 2.0 Multiple Response Types §2.1, Form Post Response Mode)."""

    QUERY = "query"
    FORM_POST = "form_post"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that can be answered. `max_age` in seconds; None when the client does not mind.

    The code is bound to the key of the thumbprint `dpop_jkt` (RFC 9449 §10), if any.
    `scopes` has those of the claims that are asked for one by one; `sub` is as in `AskedClaims`. `acr` has the ways of
    signing in that will do: all of them when the client does not mind.
    """

    client_id: str
    redirect_uri: str
    response_mode: ResponseMode
    state: str | None
    scopes: frozenset[str]
    nonce: str | None
    code_challenge: str
    prompt: frozenset[str]
    max_age: int | None
    ui_locales: str | None
    dpop_jkt: str | None = None
    hinted_sub: str | None = None  # who it should be, by an ID token of before (`id_token_hint`)
    id_token_claims: frozenset[str] = frozenset()
    sub: str | None = None
    acr: frozenset[str] = frozenset(LEVELS)


class NotProven(Exception):
    """Nobody knows where to send an answer; the message is for the person and the client's developer."""


class AskedWrong(Exception):
    """An error for the client (RFC 6749 §4.1.2.1), with where to and how to send it."""

    def __init__(
        self, error: str, description: str, *, redirect_uri: str, mode: ResponseMode, state: str | None
    ) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.redirect_uri = redirect_uri
        self.mode = mode
        self.state = state


def read(
    pairs: Sequence[tuple[str, str]],
    find: Callable[[str], Client | None],
    hinted: Callable[[str], Mapping[str, Any]],
    *,
    issuer: str,
) -> tuple[Asked, Client]:
    """The request, and who asks. Raises `NotProven`, then `AskedWrong`; neither repeats what was sent.

    `hinted` gives the claims of an ID token of ours, and raises `TokenRefused` for anything else. `issuer` is the only
    resource that tokens are for (RFC 8707).
    """
    counted = Counter(name for name, _ in pairs)
    given = {name: value for name, value in pairs if value}  # without a value it is not there (RFC 6749 §3.1)
    client, redirect_uri = _proven(counted, given, find)
    state, mode = given.get("state"), _mode(given.get("response_mode"), redirect_uri) or ResponseMode.QUERY

    def wrong(error: str, description: str) -> AskedWrong:
        sound = state and counted["state"] == 1 and len(state) <= LONGEST and _PRINTABLE.fullmatch(state)
        told = state if sound else None
        return AskedWrong(error, description, redirect_uri=redirect_uri, mode=mode, state=told)

    if any(count > 1 for name, count in counted.items() if name != "resource"):  # that one may (RFC 8707 §2)
        twice = sorted(name for name in _NAMES - {"resource"} if counted[name] > 1)
        raise wrong("invalid_request", f"{', '.join(twice) or 'a parameter'}: send it once")
    for name, value in given.items():
        most = {"id_token_hint": MAX_BYTES, "claims": claims.LONGEST}.get(name, LONGEST)
        if len(value) > most or not (name == "claims" or _PRINTABLE.fullmatch(value)):
            which = name if name in _NAMES else "a parameter"
            raise wrong("invalid_request", f"{which} is too long or has a character that is not printable ASCII")
    if any(value not in ("", issuer) for name, value in pairs if name == "resource"):
        raise wrong("invalid_target", f"resource may be {issuer} and nothing else")
    if _mode(given.get("response_mode"), redirect_uri) is None:
        raise wrong("invalid_request", "response_mode must be query, or form_post for an address on the web")
    for name, error in _NOT_SUPPORTED.items():
        if given.get(name):
            raise wrong(error, f"{name} is not taken here; send the parameters themselves")
    if "response_type" not in given:
        raise wrong("invalid_request", "response_type is missing")
    if given["response_type"] != "code":
        raise wrong("unsupported_response_type", "response_type must be code")
    check_challenge(given, wrong)
    scopes = frozenset(given.get("scope", "").split())
    if "openid" not in scopes:
        raise wrong("invalid_scope", "scope must have openid")
    prompt = frozenset(given.get("prompt", "").split())
    if not prompt <= _PROMPTS or ("none" in prompt and len(prompt) > 1):
        raise wrong("invalid_request", "prompt must be none alone, or of login, consent, select_account")
    nonce, max_age = given.get("nonce"), given.get("max_age")
    if nonce is not None and len(nonce) > LONGEST_NONCE:
        raise wrong("invalid_request", f"nonce may have {LONGEST_NONCE} characters at most")
    if max_age is not None and not re.fullmatch(r"\d{1,9}", max_age):
        raise wrong("invalid_request", "max_age must be a number of seconds")
    if "dpop_jkt" in given and not _THUMBPRINT.fullmatch(given["dpop_jkt"]):
        raise wrong("invalid_request", "dpop_jkt must be 43 characters of base64url (RFC 7638)")
    hinted_sub = _hinted_sub(given["id_token_hint"], client, hinted) if "id_token_hint" in given else None
    if hinted_sub == "":
        raise wrong("invalid_request", "id_token_hint must be an ID token that this client got here")
    try:
        by_name = claims.read(given["claims"]) if "claims" in given else claims.NONE
    except ValueError as mistake:
        raise wrong("invalid_request", str(mistake)) from None
    registered = [each.scope for each in client.scopes]
    known = {"openid", *(scope for scope in registered if not scope.startswith("claim:"))}
    asked = Asked(
        client_id=client.app_id,
        redirect_uri=redirect_uri,
        response_mode=mode,
        state=state,
        # what is not understood is passed over (OpenID Connect Core §3.1.2.1)
        scopes=scopes & known | claims.scopes_for(by_name.userinfo | by_name.id_token, registered),
        nonce=nonce,
        code_challenge=given["code_challenge"],
        prompt=prompt,
        max_age=int(max_age) if max_age is not None else None,
        dpop_jkt=given.get("dpop_jkt"),
        ui_locales=(given.get("ui_locales") or "")[:LONGEST_HINT].strip() or None,
        hinted_sub=hinted_sub,
        id_token_claims=by_name.id_token & frozenset(claims.CLAIMS),
        sub=by_name.sub,
        acr=_good_enough(given.get("acr_values", ""), by_name.acr),
    )
    return asked, client


def _good_enough(acr_values: str, essential: frozenset[str]) -> frozenset[str]:
    """The ways of signing in that will do. Of `acr_values` the lowest and what is above it; values that we do not know
    are passed over (OpenID Connect Core §3.1.2.1: they are voluntary). An essential `acr` is held to by the letter
    (§5.5.1.1): where none of its values is known, no way will do.
    """
    level = min((LEVELS[acr] for acr in acr_values.split() if acr in LEVELS), default=0)
    above = frozenset(acr for acr, worth in LEVELS.items() if worth >= level)
    return above & essential if essential else above


def _proven(counted: Counter[str], given: dict[str, str], find: Callable[[str], Client | None]) -> tuple[Client, str]:
    if counted["client_id"] != 1 or counted["redirect_uri"] != 1:
        raise NotProven("client_id and redirect_uri must both be there, once")
    client = find(given.get("client_id", ""))
    if client is None:
        raise NotProven("there is no such client, or it is not open now")
    if given.get("redirect_uri") not in client.redirect_uris:
        raise NotProven("redirect_uri is not one that the client registered, character by character")
    return client, given["redirect_uri"]


def _hinted_sub(hint: str, client: Client, hinted: Callable[[str], Mapping[str, Any]]) -> str:
    """Whom the client expects; empty when it has no such token."""
    try:
        claims = hinted(hint)
    except TokenRefused:
        return ""
    return str(claims["sub"]) if claims["aud"] == client.app_id else ""


def _mode(name: str | None, redirect_uri: str) -> ResponseMode | None:
    if name == ResponseMode.FORM_POST:
        return ResponseMode.FORM_POST if redirect_uri.startswith("http") else None
    return ResponseMode.QUERY if name in (None, ResponseMode.QUERY) else None


def check_challenge(given: Mapping[str, str], wrong: Callable[[str, str], Exception]) -> None:
    """Raises what `wrong` makes of an error and its description, unless there is an S256 challenge (RFC 7636 §4.3)."""
    if "code_challenge" not in given:
        raise wrong("invalid_request", "code_challenge is missing (RFC 7636)")
    if given.get("code_challenge_method") != "S256":
        raise wrong("invalid_request", "code_challenge_method must be S256")
    if not _CHALLENGE.fullmatch(given["code_challenge"]):
        raise wrong("invalid_request", "code_challenge must be 43 characters of base64url")

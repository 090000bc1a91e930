"""What an outside provider answers, read strictly. Pure."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hmac import compare_digest
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import orjson

from app_server.identity.proofing import id_numbers
from app_server.kernel.addresses import EndpointRefused
from app_server.kernel.crypto import token_hash
from app_server.kernel.jwks import OutsideKey
from app_server.kernel.outside_providers import OutsideProvider, web_address
from app_server.kernel.text import one_line
from app_server.kernel.tokens import LEEWAY, Expectation, VerifiedClaims, sign_with, verify

SIGNED_IN_WITHIN = timedelta(minutes=10)  # `max_age`: who sits at the browser now has shown there who they are
ISSUED_WITHIN = timedelta(minutes=2)
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523 §2.2


class NotSound(Exception):
    """The answer is not to be trusted; the text is for the operator and repeats nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """Where the provider's parts are (OpenID Connect Discovery 1.0 §3). `says_iss`: its answers name it (RFC 9207)."""

    authorization: str
    token: str
    jwks: str
    userinfo: str | None
    par: str | None
    says_iss: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whom the provider has verified."""

    subject: str
    name: str
    birthdate: date | None
    id_number: id_numbers.IdNumber | None


def document(status: int, body: bytes, *, what: str) -> dict[str, Any]:
    """The JSON object of a good answer. Raises `NotSound`."""
    if status not in (200, 201):
        raise NotSound(f"{what}: status {status}")
    try:
        read = orjson.loads(body)
    except ValueError:
        raise NotSound(f"{what}: not JSON") from None
    if not isinstance(read, dict):
        raise NotSound(f"{what}: not a JSON object")
    return read


def metadata(read: Mapping[str, Any], provider: OutsideProvider, *, allow_loopback: bool) -> Metadata:
    """The provider's own description of itself, which must be of exactly this issuer. Raises `NotSound`."""
    if read.get("issuer") != provider.said.issuer:
        raise NotSound("metadata: issuer is another")

    def place(name: str) -> str:
        try:
            return web_address(text(read, name, what="metadata"), allow_loopback=allow_loopback)
        except (EndpointRefused, ValueError):
            raise NotSound(f"metadata: {name} is no address that may be called") from None

    methods = read.get("code_challenge_methods_supported", ["S256"])
    if not isinstance(methods, list) or "S256" not in methods:
        raise NotSound("metadata: no PKCE with S256")
    return Metadata(
        authorization=place("authorization_endpoint"),
        token=place("token_endpoint"),
        jwks=place("jwks_uri"),
        userinfo=place("userinfo_endpoint") if "userinfo_endpoint" in read else None,
        par=place("pushed_authorization_request_endpoint") if "pushed_authorization_request_endpoint" in read else None,
        says_iss=read.get("authorization_response_iss_parameter_supported") is True,
    )


def text(read: Mapping[str, Any], name: str, *, what: str) -> str:
    """A member that must be a text of printable ASCII. Raises `NotSound`."""
    value = read.get(name)
    if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable():
        raise NotSound(f"{what}: {name} is missing, or no plain text")
    return value


def proof_of_us(provider: OutsideProvider, now: datetime) -> tuple[dict[str, str], dict[str, str]]:
    """How we prove ourselves (OpenID Connect Core §9): members of the form, and headers."""
    said, issued = provider.said, int(now.timestamp())
    if provider.key is None:
        pair = f"{quote(said.client_id, safe='')}:{quote(provider.secret or '', safe='')}"  # RFC 6749 §2.3.1
        return {}, {"authorization": f"Basic {b64encode(pair.encode()).decode()}"}
    claims = {"iss": said.client_id, "sub": said.client_id, "aud": said.issuer, "jti": uuid4().hex}
    claims_in_time = {**claims, "iat": issued, "exp": issued + 60}
    signed = sign_with(provider.key, claims_in_time, kid=said.key_id)
    return {"client_id": said.client_id, "client_assertion_type": ASSERTION, "client_assertion": signed}, {}


def id_token(
    token: str, provider: OutsideProvider, keys: Mapping[str, OutsideKey], *, nonce_hash: str, now: datetime
) -> VerifiedClaims:
    """The claims of an ID token for us and this very request (OpenID Connect Core §3.1.3.7).

    Raises `NotSound`, `TokenRefused`.
    """
    client_id = provider.said.client_id
    expected = Expectation(
        typ="JWT",
        may_lack_typ=True,
        issuer=provider.said.issuer,
        audience=client_id,
        required=("iss", "sub", "aud", "exp", "iat", "nonce", "auth_time"),
    )
    claims = verify(token, expected, keys, now)
    if claims["aud"] not in (client_id, [client_id]) or claims.get("azp", client_id) != client_id:
        raise NotSound("ID token: also for somebody else")
    if not compare_digest(token_hash(text(claims, "nonce", what="ID token")), nonce_hash):
        raise NotSound("ID token: nonce is another")
    since = now.timestamp() - LEEWAY
    if claims["iat"] < since - ISSUED_WITHIN.total_seconds():
        raise NotSound("ID token: issued too long ago")
    signed_in = claims["auth_time"]
    if type(signed_in) is not int or not since - SIGNED_IN_WITHIN.total_seconds() <= signed_in <= since + 2 * LEEWAY:
        raise NotSound("ID token: the sign-in there is not of the last minutes")
    if len(text(claims, "sub", what="ID token")) > 255:
        raise NotSound("ID token: sub is too long")
    return claims


def person(claims: Mapping[str, Any], provider: OutsideProvider) -> Person:
    """Whom the claims are about, by the names that the operator's file has for them. Raises `NotSound`."""
    names = provider.said.claims
    try:
        called = one_line(claims[names.name]) if isinstance(claims.get(names.name), str) else ""
        born_on = claims.get(names.birthdate) if names.birthdate else None
        born = date.fromisoformat(born_on) if born_on is not None else None
    except (ValueError, TypeError):
        raise NotSound("claims: the name or the birthdate is not well written") from None
    if not 1 <= len(called) <= 60:
        raise NotSound("claims: no name, or one that is too long")
    number = None
    if names.id_number:
        said = claims.get(names.id_number)
        number = id_numbers.read(said) if isinstance(said, str) else None
        if number is None:
            raise NotSound("claims: no valid identification number")
        if born not in (None, id_numbers.birthdate_of(number)):
            raise NotSound("claims: birthdate and identification number do not agree")
        born = id_numbers.birthdate_of(number)
    return Person(subject=claims["sub"], name=called, birthdate=born, id_number=number)

"""Consents over the wire."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from app_server.kernel.ports import Proof
from app_server.kernel.schemas import Page, Schema
from app_server.kernel.text import OneLine


class GiveConsent(Schema):
    """The scopes that the resident allows one mini-app."""

    app_id: str = Field(max_length=64)
    scopes: list[str] = Field(min_length=1, max_length=20)


class ConsentView(Schema):
    """One scope that one mini-app has, and what for."""

    id: UUID
    app_id: str
    app_name: str
    scope: str
    purpose: str
    granted_at: datetime


class Consents(Page[ConsentView]):
    """The consents that stand, the newest first."""


class ScopeView(Schema):
    """What a mini-app asks, in the resident's language."""

    scope: str
    purpose: str
    legal_basis: str
    retention: str
    required: bool


class Texts(Schema):
    """A text in the city's languages."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)

    zh_cn: OneLine = Field(alias="zh-CN", min_length=1, max_length=200)
    en: OneLine = Field(min_length=1, max_length=200)


class AskedScope(Schema):
    """What a client asks of a resident, and why (Personal Information Protection Law, articles 7 and 17)."""

    scope: Literal[
        "profile",
        "phone",
        "offline_access",
        "claim:name",
        "claim:phone_number",
        "claim:identity_level",
        "claim:verified_name",
        "claim:verified_birthdate",
    ]
    purpose: Texts
    legal_basis: Texts
    retention: Texts
    required: bool = True


class DescribeClient(Schema):
    """All that a client says of itself. `public_keys` are JWKs (RFC 7517), for `private_key_jwt`. With `device_flow`
    its screens may ask for a resident's phone (RFC 8628); it needs no redirect URI then. With
    `dpop_bound_access_tokens` it gets no token without a proof of the key that it is bound to (RFC 9449 §5.2).

    To `backchannel_logout_uri` the city sends a logout token, always with `sid`, when a session of the client's ends.
    """

    name: Texts
    redirect_uris: list[str] = Field(default=[], max_length=10)
    post_logout_redirect_uris: list[str] = Field(default=[], max_length=10)
    backchannel_logout_uri: str | None = None
    backchannel_logout_session_required: bool = False
    proof: Proof = Proof.PRIVATE_KEY_JWT
    public_keys: list[dict[str, Any]] = Field(default=[], max_length=10)
    dpop_bound_access_tokens: bool = False
    scopes: list[AskedScope] = Field(default=[], max_length=10)
    device_flow: bool = False


class ClientView(DescribeClient):
    """A client as its provider sees it. `client_id` is what it sends along."""

    client_id: str
    version: int
    created_at: datetime


class ClientPage(Page[ClientView]):
    """The clients of an organisation, the oldest first."""


class ClientErrorView(Schema):
    """What was wrong in a request, and at which address; `error` and `description` are what the client was told."""

    at: datetime
    endpoint: str
    error: str
    description: str


class ClientErrors(Page[ClientErrorView]):
    """The last errors of a client, the newest first."""


class UserInfo(Schema):
    """What a mini-app may know of the resident (OpenID Connect Core §5.3)."""

    sub: str
    locale: str | None = None
    name: str | None = None
    phone_number: str | None = None
    phone_number_verified: bool | None = None
    identity_level: str | None = None
    verified_claims: dict[str, Any] | None = None


class TokenRefusal(Schema):
    """No tokens, and why (RFC 6749 §5.2)."""

    error: str
    error_description: str


class PushedRequest(Schema):
    """What the browser brings to the authorization endpoint instead of the request (RFC 9126 §2.2). In seconds."""

    request_uri: str
    expires_in: int


class DeviceAuthorization(Schema):
    """What a screen shows, and how often it may ask meanwhile (RFC 8628 §3.2). In seconds.

    `banyan_number` stands in digits beside the code; `banyan_qr_uri` is a picture of `verification_uri_complete`.
    """

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int
    banyan_number: str
    banyan_qr_uri: str


class Actor(Schema):
    """Who acts for the subject (RFC 8693 §4.1)."""

    sub: str


class TokenState(Schema):
    """What a token is worth now (RFC 7662 §2.2): `active` alone for one that is not good. `exp` in Unix seconds.

    `cnf` has the thumbprint of the key that it is bound to, as `jkt` (RFC 9449 §6.2).
    """

    active: bool
    client_id: str | None = None
    scope: str | None = None
    sub: str | None = None
    act: Actor | None = None
    exp: int | None = None
    token_type: str | None = None
    cnf: dict[str, str] | None = None


class Tokens(Schema):
    """The answer of the token endpoint (RFC 6749 §5.1). `expires_in` in seconds."""

    access_token: str
    issued_token_type: str | None = None
    token_type: str = "Bearer"
    expires_in: int
    scope: str = ""
    id_token: str | None = None
    refresh_token: str | None = None

"""Consents over the wire."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from app_server.kernel.schemas import Page, Schema


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


class UserInfo(Schema):
    """What a mini-app may know of the resident (OpenID Connect Core §5.3)."""

    sub: str
    locale: str
    name: str | None = None


class TokenRefusal(Schema):
    """No tokens, and why (RFC 6749 §5.2)."""

    error: str
    error_description: str


class Tokens(Schema):
    """The answer of the token endpoint (RFC 6749 §5.1). `expires_in` in seconds."""

    access_token: str
    token_type: str = "Bearer"
    expires_in: int
    scope: str = ""
    id_token: str | None = None
    refresh_token: str | None = None

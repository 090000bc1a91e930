"""The wire contract between the platform and a mini-app, written once and imported by both sides.

Bodies that one side *asks* with refuse unknown members; *answers* ignore them, so that an answer may grow without
breaking a mini-app that was written last year.
"""

import hashlib
import re
from base64 import urlsafe_b64encode
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

# Paths that every mini-app answers on its own origin (the SDK serves them all).
LAUNCH_PATH = "/.banyan/launch"
SESSION_PATH = "/.banyan/session"
EVENTS_PATH = "/.banyan/events"
BRIDGE_PATH = "/.banyan/bridge.js"
HEALTH_PATH = "/.banyan/health"  # the only path that answers an unsigned request

# Paths of the platform that a mini-app calls.
TOKEN_PATH = "/oauth/token"
USERINFO_PATH = "/oauth/userinfo"
JWKS_PATH = "/.well-known/jwks.json"
CARDS_PATH = "/v1/cards"
NOTICES_PATH = "/v1/notices"

# Headers. Lower case: ASGI carries them so, and HTTP does not mind.
APP_HEADER = "banyan-app"
REQUEST_HEADER = "banyan-request"
IDEMPOTENCY_HEADER = "idempotency-key"

# Members of the launch address that the shell opens.
CODE_PARAMETER = "banyan_code"
LAUNCH_PARAMETER = "banyan_launch"

CLIENT_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
CLIENT_ASSERTION_LIFETIME = 60  # seconds; short: it says who signs at one moment, and is used once
LAUNCH_CODE_LIFETIME = 60  # seconds
SIGNATURE_LIFETIME = 60  # seconds
EVENT_TOLERANCE = 300  # seconds either side, as Standard Webhooks asks
LANGUAGES = ("en", "zh-CN")  # what residents read; every text for them is in both
PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")  # in a notice template
PLATFORM_VERSION = 1  # compared with the manifest's platform_version.min_code


class Scope(StrEnum):
    """What a resident can grant to a mini-app. Only `openid` is silent."""

    OPENID = "openid"
    PROFILE_READ = "profile:read"
    CARDS_ISSUE = "cards:issue"
    NOTICES_SEND = "notices:send"


class EventType(StrEnum):
    """What the platform tells a mini-app by POST to EVENTS_PATH."""

    GRANT_WITHDRAWN = "grant.withdrawn"


class GrantType(StrEnum):
    AUTHORIZATION_CODE = "authorization_code"
    CLIENT_CREDENTIALS = "client_credentials"
    REFRESH_TOKEN = "refresh_token"


class Asked(BaseModel):
    """A body that one side sends to ask for something: unknown members are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Answered(BaseModel):
    """A body that comes back: unknown members are ignored, so that answers may grow."""

    model_config = ConfigDict(frozen=True, extra="ignore")


Subject = Annotated[str, Field(min_length=1, max_length=255)]


# --- platform → mini-app -------------------------------------------------------------------------------------------


class LaunchCall(Asked):
    """POST LAUNCH_PATH: the platform is about to open this mini-app and asks for the PKCE challenge (RFC 7636)."""

    launch_id: UUID


class LaunchAnswer(Answered):
    code_challenge: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]


class GrantWithdrawn(Answered):
    """The resident took a scope back. Forget what it gave you."""

    sub: Subject
    scope: str


class EventEnvelope(Answered):
    """The body of an event (Standard Webhooks): its id and signature are in the headers."""

    type: str
    timestamp: datetime
    data: dict[str, object]


# --- page → mini-app -----------------------------------------------------------------------------------------------


class SessionCall(Asked):
    """POST SESSION_PATH: the page hands the one-time code of its address to its own back end."""

    code: Annotated[str, Field(min_length=1, max_length=512)]
    launch_id: UUID


class SessionReply(Answered):
    session: str
    sub: Subject
    name: str | None
    locale: str
    scopes: list[str]
    expires_in: int


# --- mini-app → platform -------------------------------------------------------------------------------------------


class CodeExchange(Asked):
    """POST TOKEN_PATH as a form: a launch code becomes tokens (private_key_jwt, PKCE S256)."""

    grant_type: Literal[GrantType.AUTHORIZATION_CODE] = GrantType.AUTHORIZATION_CODE
    code: Annotated[str, Field(min_length=1, max_length=512)]
    code_verifier: Annotated[str, Field(pattern=r"^[A-Za-z0-9._~-]{43,128}$")]
    redirect_uri: str
    client_assertion_type: str = CLIENT_ASSERTION_TYPE
    client_assertion: str
    client_id: str | None = None


class ClientCredentials(Asked):
    """POST TOKEN_PATH as a form: the mini-app in its own name."""

    grant_type: Literal[GrantType.CLIENT_CREDENTIALS] = GrantType.CLIENT_CREDENTIALS
    scope: str
    client_assertion_type: str = CLIENT_ASSERTION_TYPE
    client_assertion: str
    client_id: str | None = None


class TokenReply(Answered):
    access_token: str
    token_type: str
    expires_in: int
    scope: str = ""
    id_token: str | None = None
    refresh_token: str | None = None


class UserInfo(Answered):
    sub: Subject
    name: str | None = None
    locale: str


class CardStatus(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    EXPIRED = "expired"


class IssueCard(Asked):
    """POST CARDS_PATH with an Idempotency-Key: a resident has one card of a type; asking again brings it up to date."""

    sub: Subject
    type: Annotated[str, Field(min_length=1, max_length=64)]
    number: Annotated[str, Field(min_length=1, max_length=64)]
    fields: Annotated[dict[str, Annotated[str, Field(max_length=200)]], Field(max_length=24)]
    expires_at: datetime | None = None


class CardIssued(Answered):
    id: str


class SetCardStatus(Asked):
    """PUT CARDS_PATH/{id}/status."""

    status: CardStatus
    reason: Annotated[str, Field(min_length=1, max_length=200)]


Line = Annotated[str, Field(max_length=200)]
# A value for a placeholder: the same in every language, or one per language ({"en": …, "zh-CN": …}).
NoticeValue = Line | Annotated[dict[str, Line], Field(min_length=1, max_length=16)]


class SendNotice(Asked):
    """POST NOTICES_PATH with an Idempotency-Key: a template of the manifest, filled with `data`.

    `manifest.NoticeTemplate.filled(data, locale)` is the one place where a template meets its data.
    """

    sub: Subject
    template: Annotated[str, Field(min_length=1, max_length=64)]
    data: Annotated[dict[str, NoticeValue], Field(max_length=24)] = Field(default_factory=dict)


class NoticeAccepted(Answered):
    id: str


class FieldError(Answered):
    """Where in the body the mistake is (JSON pointer, RFC 6901), and which."""

    pointer: str
    detail: str


class ProblemDocument(Answered):
    """`application/problem+json` (RFC 9457), as both sides answer it."""

    type: str
    title: str
    status: int
    code: str
    detail: str | None = None
    request_id: str | None = None
    errors: list[FieldError] = []


def code_challenge(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier (RFC 7636 §4.2)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode("ascii")

"""What sign-in and the profile say over the wire."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from app_server.kernel.schemas import Schema
from app_server.kernel.text import OneLine

Locale = Literal["zh-CN", "en"]
Theme = Literal["auto", "light", "dark"]


class AskForCode(Schema):
    """The phone number that wants to sign in, as its owner writes it."""

    phone: str = Field(min_length=5, max_length=30, examples=["138 0000 0001"])


class ChallengeSent(Schema):
    """A code is on its way, if the number can receive one. Times in seconds."""

    challenge_id: UUID
    expires_in: int
    resend_after: int


class AnswerChallenge(Schema):
    """The six digits of the message."""

    challenge_id: UUID
    code: str = Field(pattern=r"^\s*\d{3}\s?\d{3}\s*$")


class DistrictView(Schema):
    """A district by its GB/T 2260 code."""

    code: str
    name: str
    name_en: str


class Districts(Schema):
    """All districts of the city."""

    items: list[DistrictView]


class Profile(Schema):
    """The resident as they see themselves."""

    id: UUID
    name: str | None
    phone_masked: str
    locale: Locale
    theme: Theme
    elder_mode: bool
    district: DistrictView | None
    roles: list[str]
    created_at: datetime
    version: int


class ChangeProfile(Schema):
    """The members to change; others stay. An empty name removes it."""

    name: OneLine | None = Field(None, max_length=60)
    locale: Locale | None = None
    theme: Theme | None = None
    elder_mode: bool | None = None
    district_code: str | None = Field(None, pattern=r"^\d{6}$")


class SessionOpened(Schema):
    """Tokens for an app; a browser has its cookie and needs none of them. `expires_in` in seconds."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"
    refresh_token: str
    expires_in: int
    resident: Profile

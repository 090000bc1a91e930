"""What sign-in and the profile say over the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app_server.identity.models import SignInMethod
from app_server.kernel.schemas import Page, Schema
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


class ActingView(Schema):
    """Under which mandate somebody else reads this: `may_act` is false for one who may only look."""

    mandate_id: UUID
    name: str
    may_act: bool
    app_ids: list[str]


class Profile(Schema):
    """The resident as they see themselves, or as who acts for them does (`acting`). A child may have no phone."""

    id: UUID
    name: str | None
    phone_masked: str | None
    locale: Locale
    theme: Theme
    elder_mode: bool
    district: DistrictView | None
    roles: list[str]
    created_at: datetime
    version: int
    acting: ActingView | None = None


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


class PasskeyOptions(Schema):
    """What the browser asks an authenticator, once. `public_key` is the JSON form of the options (Web Authentication
    Level 3, §5.1.8 and §5.1.9); times in seconds.
    """

    challenge_id: UUID
    expires_in: int
    public_key: dict[str, Any]


class _FromBrowser(BaseModel):
    """What `PublicKeyCredential.toJSON()` gives; members that say nothing to us are let pass."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Attestation(_FromBrowser):
    """The authenticator's word about a new passkey."""

    client_data: str = Field(alias="clientDataJSON", max_length=4000)
    attestation: str = Field(alias="attestationObject", max_length=40_000)


class Assertion(_FromBrowser):
    """The authenticator's signature."""

    client_data: str = Field(alias="clientDataJSON", max_length=4000)
    authenticator_data: str = Field(alias="authenticatorData", max_length=4000)
    signature: str = Field(max_length=4000)
    user_handle: str | None = Field(None, alias="userHandle", max_length=100)


class MadePasskey(_FromBrowser):
    """The answer of `navigator.credentials.create` (RegistrationResponseJSON)."""

    id: str = Field(max_length=1400)
    raw_id: str = Field(alias="rawId", max_length=1400)
    type: Literal["public-key"]
    response: Attestation


class UsedPasskey(_FromBrowser):
    """The answer of `navigator.credentials.get` (AuthenticationResponseJSON)."""

    id: str = Field(max_length=1400)
    raw_id: str = Field(alias="rawId", max_length=1400)
    type: Literal["public-key"]
    response: Assertion


class AddPasskey(Schema):
    """The new passkey, and what its owner calls it."""

    challenge_id: UUID
    credential: MadePasskey
    name: OneLine | None = Field(None, max_length=60)


class SignInWithPasskey(Schema):
    """The answer to a challenge."""

    challenge_id: UUID
    credential: UsedPasskey


class Rename(Schema):
    """A name of one's own. An empty one removes it."""

    name: OneLine | None = Field(max_length=60)


class PasskeyView(Schema):
    """A passkey as its owner sees it."""

    id: UUID
    name: str | None
    created_at: datetime
    last_used_at: datetime | None


class PasskeyPage(Page[PasskeyView]):
    """Passkeys, the newest first."""


class SessionView(Schema):
    """Where the resident is signed in. `browser` and `system` are what the device says of itself, if it says anything.

    `network` is the network that the sign-in came from, all that is known of the place; null for one that says nothing.
    `last_used_at` is true to the hour.
    """

    id: UUID
    current: bool
    name: str | None
    browser: str | None
    system: str | None
    method: SignInMethod
    network: str | None
    opened_at: datetime
    last_used_at: datetime


class SessionPage(Page[SessionView]):
    """Open sessions, the newest first."""


Standing = Literal["open", "locked", "suspended", "deceased", "deleted"]


class FindResident(Schema):
    """The mobile number of somebody at the counter, as they write it."""

    phone: str = Field(min_length=5, max_length=30, examples=["138 0000 0001"])


class ResidentAtCounter(Schema):
    """What an operator sees of a resident: no name, and of the number the ends."""

    id: UUID
    phone_masked: str | None
    standing: Standing


class SetStanding(Schema):
    """How the account shall stand, and why. `deleted` is for good: what is personal is erased."""

    standing: Standing
    reason: Annotated[str, Field(min_length=3, max_length=500, pattern=r"\S")]

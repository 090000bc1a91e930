"""What factors say over the wire."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from app_server.identity.presence import Purpose
from app_server.identity.schemas import UsedPasskey
from app_server.kernel.schemas import Schema


class SignInWithPassword(Schema):
    """A phone number, as its owner writes it, and the password."""

    phone: str = Field(min_length=5, max_length=30, examples=["138 0000 0001"])
    password: str = Field(min_length=1, max_length=512)


class SecondStep(Schema):
    """The password was right; one step more, within `expires_in` seconds.

    Send `step` with a code of the authenticator app or a recovery code to `/v1/sign-in/second-steps`. Where `factor` is
    `phone_code`, a code went to the phone, too: send it with `challenge_id` to `/v1/sign-in/sessions`. Without
    `challenge_id` no further code may be sent now, and a recovery code is the way.
    """

    factor: Literal["phone_code", "authenticator_app"]
    step: str
    challenge_id: UUID | None
    expires_in: int


class AnswerSecondStep(Schema):
    """Six digits of the authenticator app, or a recovery code however it is written."""

    step: str = Field(min_length=1, max_length=100, pattern=r"^[\x21-\x7e]+$")
    code: str = Field(min_length=1, max_length=40)


class Factors(Schema):
    """What the resident can prove who they are with. Times are null for what is not set up."""

    phone_masked: str
    password_set_at: datetime | None
    authenticator_app_since: datetime | None
    recovery_codes_left: int
    passkeys: int


class SetPassword(Schema):
    """8 to 128 characters, in any script; no rules beside."""

    password: str = Field(min_length=1, max_length=512)


class AppSecret(Schema):
    """For the authenticator app: the secret to type, or the address to draw as a QR code. It counts once confirmed."""

    secret: str
    address: str


class ConfirmApp(Schema):
    """The six digits that the app shows."""

    code: str = Field(pattern=r"^\s*\d{3}\s?\d{3}\s*$")


class RecoveryCodes(Schema):
    """Ten codes. They are shown this once."""

    codes: list[str]


class ProvePresence(Schema):
    """That it is the resident who wants to change something of this kind.

    With a code sent to the phone: `code` and `challenge_id`. With the authenticator app or a recovery code, which who
    has an app needs: `code` alone. With a passkey: `credential` and `challenge_id`.
    """

    purpose: Purpose
    challenge_id: UUID | None = None
    code: str | None = Field(None, min_length=1, max_length=40)
    credential: UsedPasskey | None = None


class PresenceProven(Schema):
    """One change of that kind can be made in this session, within so many seconds."""

    expires_in: int

"""People, the challenges they answer, their passkeys, and the sessions that they have open."""

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from app_server.kernel.ids import uuid7


class SignInMethod(StrEnum):
    """How a session was opened. What each is worth says `identity/assurance.py`."""

    OTP = "otp"  # a code sent to the phone
    OTP_TOTP = "otp_totp"  # that and a code of the authenticator app
    OTP_RC = "otp_rc"  # that and a recovery code
    PWD_OTP = "pwd_otp"  # a password and a code sent to the phone
    PWD_TOTP = "pwd_totp"
    PWD_RC = "pwd_rc"
    PASSKEY = "passkey"


class LockedAs(StrEnum):
    """Why an account gives no token; `app_server/identity/locks.py` says what each of them means."""

    LOCKED = "locked"
    SUSPENDED = "suspended"
    DECEASED = "deceased"
    DELETED = "deleted"


class FirstStep(StrEnum):
    """What was proven first, where a second step follows."""

    CODE = "otp"
    PASSWORD = "pwd"


class ResidentKind(StrEnum):
    """Whose account it is."""

    PERSON = "person"
    COMPANY = "company"


class ChallengePurpose(StrEnum):
    """What a passkey is asked for. An answer to the one is none to the other."""

    REGISTRATION = "registration"
    SIGN_IN = "sign_in"
    PRESENCE = "presence"


class District(Model):
    """A district of the city: its GB/T 2260 code and its names."""

    code = fields.CharField(primary_key=True, max_length=6)
    name = fields.CharField(max_length=40)
    name_en = fields.CharField(max_length=60)

    class Meta:
        table = "core_district"


class Resident(Model):
    """A person, or a legal person. Phone and name are sealed; the phone is found by its blind index.

    Without a phone nobody signs in: others act for a child, for a ward and for a company (`credit_code`, GB 32100), and
    nobody for a deleted account. With `locked_at` no token is given for the account by any path; `locked_as` says why.
    """

    id = fields.UUIDField(primary_key=True, default=uuid7)
    kind = fields.CharEnumField(ResidentKind, max_length=10, db_default=ResidentKind.PERSON.value)
    phone_index = fields.CharField(max_length=64, unique=True, null=True)
    phone_sealed = fields.BinaryField(null=True)
    name_sealed = fields.BinaryField(null=True)
    birth_date_sealed = fields.BinaryField(null=True)
    credit_code = fields.CharField(max_length=18, unique=True, null=True)
    locale = fields.CharField(max_length=10, default="zh-CN")
    theme = fields.CharField(max_length=5, default="auto")
    elder_mode = fields.BooleanField(default=False)
    district_code = fields.CharField(max_length=6, null=True)
    roles: list[str] = fields.JSONField(default=list)
    organisation_id = fields.UUIDField(null=True)
    locked_at = fields.DatetimeField(null=True)
    locked_as = fields.CharEnumField(LockedAs, max_length=10, null=True)
    version = fields.IntField(default=1)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "core_resident"


class SignInChallenge(Model):
    """A one-time code that was sent to a phone. The code itself is never stored.

    `after_password_of` is the resident who gave the right password before; `presence_of` the session whose owner proves
    that they are there, `recovery_of` the recovery that a new number is proven for, `number_of` the session whose owner
    changes their number: such codes open no session.
    """

    id = fields.UUIDField(primary_key=True, default=uuid7)
    phone_index = fields.CharField(max_length=64)
    phone_sealed = fields.BinaryField()
    code_hash = fields.CharField(max_length=64)
    locale = fields.CharField(max_length=10)
    after_password_of = fields.UUIDField(null=True)
    presence_of = fields.UUIDField(null=True)
    recovery_of = fields.UUIDField(null=True)
    number_of = fields.UUIDField(null=True)
    attempts = fields.IntField(default=0)
    expires_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "core_sign_in_challenge"
        indexes = [("expires_at",)]


class Passkey(Model):
    """A resident's passkey: the public half of a key that never leaves their authenticator."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    resident: fields.ForeignKeyRelation[Resident] = fields.ForeignKeyField("core.Resident", related_name="passkeys")
    credential_id = fields.CharField(max_length=1400, unique=True)  # base64url; at most 1023 bytes (WebAuthn §4)
    public_key = fields.BinaryField()
    sign_count = fields.BigIntField()
    name_sealed = fields.BinaryField(null=True)
    created_at = fields.DatetimeField()
    last_used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "core_passkey"
        indexes = [("resident_id",)]


class PasskeyChallenge(Model):
    """What an authenticator is asked to sign, once; `resident_id` is who registers, None while nobody is known."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    purpose = fields.CharEnumField(ChallengePurpose, max_length=20)
    resident_id = fields.UUIDField(null=True)
    challenge = fields.BinaryField()
    expires_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "core_passkey_challenge"


class KnownDevice(Model):
    """A browser that a resident has signed in with, by the hash of its cookie's name: another one is news."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    resident: fields.ForeignKeyRelation[Resident] = fields.ForeignKeyField("core.Resident", related_name="devices")
    device_hash = fields.CharField(max_length=64)
    last_seen_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "core_known_device"
        unique_together = (("resident_id", "device_hash"),)


class Session(Model):
    """One signed-in browser or app. The token of its cookie is stored as a hash.

    `method` and `created_at` say how and when the person proved who they are. `network_sealed` is the network that the
    sign-in came from.

    With `mandate_id` somebody else (`actor_id`) acts for the resident; it ends with the mandate, and with its parent,
    the actor's own session.

    With `client_id` it is what the resident lets somebody else's program do, with `scope`: it has no cookie, and ends
    with its parent if it has one. `opened_in` is the session that it was opened in, also if it goes on without it.
    `dpop_jkt` is the thumbprint of the key that its refresh tokens are bound to (RFC
    9449), if they are.
    """

    id = fields.UUIDField(primary_key=True, default=uuid7)
    resident: fields.ForeignKeyRelation[Resident] = fields.ForeignKeyField("core.Resident", related_name="sessions")
    token_hash = fields.CharField(max_length=64, unique=True)
    user_agent = fields.CharField(max_length=400, default="")
    method = fields.CharEnumField(SignInMethod, max_length=10, db_default=SignInMethod.OTP.value)
    passkey_id = fields.UUIDField(null=True, db_index=True)
    device_hash = fields.CharField(max_length=64, null=True)
    network_sealed = fields.BinaryField(null=True)
    name_sealed = fields.BinaryField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)
    last_used_at = fields.DatetimeField(auto_now_add=True)
    expires_at = fields.DatetimeField(db_index=True)
    ended_at = fields.DatetimeField(null=True, db_index=True)
    client_id = fields.CharField(max_length=64, null=True)
    parent_id = fields.UUIDField(null=True, db_index=True)
    opened_in = fields.UUIDField(null=True, db_index=True)
    scope = fields.TextField(null=True)
    dpop_jkt = fields.CharField(max_length=43, null=True)
    mandate_id = fields.UUIDField(null=True, db_index=True)
    actor_id = fields.UUIDField(null=True)

    class Meta:
        table = "core_session"
        indexes = [("resident_id",)]


class LogoutAnswer(StrEnum):
    """What came of telling a client that a session of its has ended."""

    CONFIRMED = "confirmed"
    REFUSED = "refused"
    NOT_TOLD = "not_told"  # it takes no such messages


class LogoutNotice(Model):
    """A client that must hear that a session of its has ended. Those of one `occasion_id` ended together.

    `answer` is None while nobody has answered; what is tried, and when next, says the job of the notice.
    """

    id = fields.UUIDField(primary_key=True, default=uuid7)
    occasion_id = fields.UUIDField(db_index=True)
    resident_id = fields.UUIDField()
    client_id = fields.CharField(max_length=64)
    session_id = fields.UUIDField()
    created_at = fields.DatetimeField(db_index=True)
    answer = fields.CharEnumField(LogoutAnswer, max_length=10, null=True)

    class Meta:
        table = "core_logout_notice"
        indexes = [("resident_id", "occasion_id")]


class RefreshToken(Model):
    """A link of a session's refresh family. A used one keeps its successor, sealed, for a retry within the grace."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    session: fields.ForeignKeyRelation[Session] = fields.ForeignKeyField("core.Session", related_name="refresh_tokens")
    token_hash = fields.CharField(max_length=64, unique=True)
    used_at = fields.DatetimeField(null=True)
    successor_sealed = fields.BinaryField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "core_refresh_token"
        indexes = [("session_id",)]

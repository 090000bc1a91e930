"""A resident's further factors, sign-ins that wait for their second step, and proofs of being there."""

from tortoise import fields
from tortoise.models import Model

from app_server.identity.models import FirstStep, Resident
from app_server.kernel.ids import uuid7


class Password(Model):
    """A resident's password: its argon2id hash, sealed, so that the table without the key file says nothing."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    resident: fields.OneToOneRelation[Resident] = fields.OneToOneField("core.Resident", related_name="password")
    hash_sealed = fields.BinaryField()
    set_at = fields.DatetimeField()

    class Meta:
        table = "core_password"


class PasswordTries(Model):
    """How often a password was tried for a number since a moment. Numbers that nobody has are counted, too."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    phone_index = fields.CharField(max_length=64, unique=True)
    tries = fields.IntField()
    since = fields.DatetimeField(db_index=True)

    class Meta:
        table = "core_password_tries"


class AuthenticatorApp(Model):
    """The secret that a resident's authenticator app shares with us (RFC 6238). It counts once it is confirmed.

    `last_step` is the newest time step that was used: no code works twice.
    """

    id = fields.UUIDField(primary_key=True, default=uuid7)
    resident: fields.OneToOneRelation[Resident] = fields.OneToOneField(
        "core.Resident", related_name="authenticator_app"
    )
    secret_sealed = fields.BinaryField()
    last_step = fields.BigIntField(default=0)
    created_at = fields.DatetimeField()
    confirmed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "core_authenticator_app"
        indexes = [("created_at",)]


class RecoveryCode(Model):
    """A code on the resident's paper, by its keyed hash. Each is used once."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    resident: fields.ForeignKeyRelation[Resident] = fields.ForeignKeyField(
        "core.Resident", related_name="recovery_codes"
    )
    code_hash = fields.CharField(max_length=64)
    used_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "core_recovery_code"
        unique_together = (("resident_id", "code_hash"),)


class SignInStep(Model):
    """A sign-in whose first step is proven and whose second is not. Its name is a secret, kept as a hash."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    resident: fields.ForeignKeyRelation[Resident] = fields.ForeignKeyField(
        "core.Resident", related_name="sign_in_steps"
    )
    token_hash = fields.CharField(max_length=64, unique=True)
    proven = fields.CharEnumField(FirstStep, max_length=10)
    attempts = fields.IntField(default=0)
    expires_at = fields.DatetimeField(db_index=True)
    used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "core_sign_in_step"


class PresenceTicket(Model):
    """Somebody proved that they are there: good for one change of one kind in this session, and for three minutes."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    session_id = fields.UUIDField()
    purpose = fields.CharField(max_length=20)
    level = fields.IntField()
    expires_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "core_presence_ticket"
        unique_together = (("session_id", "purpose"),)

"""What residents allowed, the one-time codes of launches, and the assertions that clients have used."""

from tortoise import fields
from tortoise.models import Model

from app_server.kernel.ids import uuid7


class Consent(Model):
    """A resident lets a mini-app have one scope. `sub` is how that app knows the resident."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    resident_id = fields.UUIDField()
    app_id = fields.CharField(max_length=64)
    sub = fields.CharField(max_length=64)
    scope = fields.CharField(max_length=64)
    granted_at = fields.DatetimeField()
    withdrawn_at = fields.DatetimeField(null=True)

    class Meta:
        table = "core_consent"
        indexes = [("resident_id", "app_id"), ("app_id", "sub", "scope")]


class LaunchCode(Model):
    """A one-time code that opens a mini-app, bound to the app, its origin, its PKCE challenge and the launch."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    code_hash = fields.CharField(max_length=64, unique=True)
    app_id = fields.CharField(max_length=64)
    resident_id = fields.UUIDField()
    session_id = fields.UUIDField()
    launch_id = fields.UUIDField()
    redirect_uri = fields.CharField(max_length=255)
    code_challenge = fields.CharField(max_length=43)
    expires_at = fields.DatetimeField(db_index=True)
    used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "core_launch_code"


class UsedAssertion(Model):
    """A client assertion's `jti`, remembered for as long as the assertion could be accepted (RFC 7523 §3)."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    app_id = fields.CharField(max_length=64)
    jti = fields.CharField(max_length=128)
    expires_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "core_used_assertion"
        unique_together = (("app_id", "jti"),)

"""People, the challenges they answer, and the sessions that they have open."""

from tortoise import fields
from tortoise.models import Model

from app_server.kernel.ids import uuid7


class District(Model):
    """A district of the city: its GB/T 2260 code and its names."""

    code = fields.CharField(primary_key=True, max_length=6)
    name = fields.CharField(max_length=40)
    name_en = fields.CharField(max_length=60)

    class Meta:
        table = "core_district"


class Resident(Model):
    """A person. Phone and name are sealed; the phone is found by its blind index."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    phone_index = fields.CharField(max_length=64, unique=True)
    phone_sealed = fields.BinaryField()
    name_sealed = fields.BinaryField(null=True)
    locale = fields.CharField(max_length=10, default="zh-CN")
    theme = fields.CharField(max_length=5, default="auto")
    elder_mode = fields.BooleanField(default=False)
    district_code = fields.CharField(max_length=6, null=True)
    roles: list[str] = fields.JSONField(default=list)
    organisation_id = fields.UUIDField(null=True)
    locked_at = fields.DatetimeField(null=True)
    version = fields.IntField(default=1)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "core_resident"


class SignInChallenge(Model):
    """A one-time code that was sent to a phone. The code itself is never stored."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    phone_index = fields.CharField(max_length=64)
    phone_sealed = fields.BinaryField()
    code_hash = fields.CharField(max_length=64)
    locale = fields.CharField(max_length=10)
    attempts = fields.IntField(default=0)
    expires_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "core_sign_in_challenge"
        indexes = [("expires_at",)]


class Session(Model):
    """One signed-in browser or app. The token of its cookie is stored as a hash.

    With `client_id` it is what the resident lets somebody else's program do, with `scope`: it has no cookie, and ends
    with its parent if it has one.
    """

    id = fields.UUIDField(primary_key=True, default=uuid7)
    resident: fields.ForeignKeyRelation[Resident] = fields.ForeignKeyField("core.Resident", related_name="sessions")
    token_hash = fields.CharField(max_length=64, unique=True)
    user_agent = fields.CharField(max_length=200, default="")
    created_at = fields.DatetimeField(auto_now_add=True)
    last_used_at = fields.DatetimeField(auto_now_add=True)
    expires_at = fields.DatetimeField(db_index=True)
    ended_at = fields.DatetimeField(null=True, db_index=True)
    client_id = fields.CharField(max_length=64, null=True)
    parent_id = fields.UUIDField(null=True, db_index=True)
    scope = fields.TextField(null=True)

    class Meta:
        table = "core_session"


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

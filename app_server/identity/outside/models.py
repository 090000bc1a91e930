"""Verifications that are under way at an outside provider."""

from tortoise import fields
from tortoise.models import Model

from app_server.kernel.ids import uuid7


class OutsideCheck(Model):
    """A resident was sent to a provider from this session. `state` and `nonce` as hashes; used once, then gone."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    state_hash = fields.CharField(max_length=64, unique=True)
    resident_id = fields.UUIDField(db_index=True)
    session_id = fields.UUIDField()
    provider = fields.CharField(max_length=16)
    nonce_hash = fields.CharField(max_length=64)
    verifier_sealed = fields.BinaryField()
    expires_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "core_outside_check"

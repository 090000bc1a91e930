"""Changes of mobile numbers that can still be undone."""

from tortoise import fields
from tortoise.models import Model

from app_server.identity.models import Resident
from app_server.kernel.ids import uuid7


class PhoneChange(Model):
    """A number that a resident gave up. Until `undo_until` it opens no other account and can come back.

    `session_id` is the session that asked; the name in the link that undoes is kept as a hash. The row goes when the
    time is over.
    """

    id = fields.UUIDField(primary_key=True, default=uuid7)
    resident: fields.ForeignKeyRelation[Resident] = fields.ForeignKeyField(
        "core.Resident", related_name="phone_changes"
    )
    session_id = fields.UUIDField()
    old_phone_index = fields.CharField(max_length=64, db_index=True)
    old_phone_sealed = fields.BinaryField()
    undo_hash = fields.CharField(max_length=64, unique=True)
    changed_at = fields.DatetimeField()
    undo_until = fields.DatetimeField(db_index=True)
    undone_at = fields.DatetimeField(null=True)

    class Meta:
        table = "core_phone_change"
        indexes = [("resident_id",)]

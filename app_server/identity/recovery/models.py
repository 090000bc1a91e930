"""Recoveries that officers opened for residents."""

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from app_server.identity.models import Resident
from app_server.kernel.ids import uuid7


class Evidence(StrEnum):
    """What an officer saw of somebody in front of the desk. The kind alone is noted, never a number or a copy."""

    IDENTITY_CARD = "identity_card"
    PASSPORT = "passport"
    RESIDENCE_PERMIT = "residence_permit"


class Outcome(StrEnum):
    """How a recovery ended."""

    COMPLETED = "completed"
    CANCELLED = "cancelled"
    REPLACED = "replaced"  # by a newer one


class Recovery(Model):
    """Opened by one officer, approved by another, which a constraint holds; then it waits until `ready_at`.

    The code is given to the resident at the counter and kept as a hash; so is the name in the link that cancels.
    A resident has one open recovery at most.
    """

    id = fields.UUIDField(primary_key=True, default=uuid7)
    resident: fields.ForeignKeyRelation[Resident] = fields.ForeignKeyField("core.Resident", related_name="recoveries")
    evidence = fields.CharEnumField(Evidence, max_length=20)
    code_hash = fields.CharField(max_length=64, unique=True)
    cancel_hash = fields.CharField(max_length=64, unique=True, null=True)
    opened_by = fields.UUIDField()
    opened_at = fields.DatetimeField(db_index=True)
    approved_by = fields.UUIDField(null=True)
    ready_at = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)
    ended_as = fields.CharEnumField(Outcome, max_length=10, null=True)

    class Meta:
        table = "core_recovery"
        indexes = [("resident_id",)]

"""Tables of the personal space."""

from tortoise import fields
from tortoise.models import Model

from app_server.kernel.ids import uuid7


class LedgerEntry(Model):
    """One look at a resident's data: who, from where, what for, which fields by name (never their values).

    Append-only: a trigger refuses change and removal. `purpose` is locale → text, as it was stated at the time.
    `mandate_id` is the mandate that it was done under, if it was done for the resident by another.
    """

    id = fields.UUIDField(primary_key=True, default=uuid7)
    resident_id = fields.UUIDField()
    reference = fields.CharField(max_length=200)
    at = fields.DatetimeField()
    who_kind = fields.CharField(max_length=20)
    who_id = fields.CharField(max_length=80)
    who_name = fields.CharField(max_length=200)
    who_place = fields.CharField(max_length=200, null=True)
    purpose: dict[str, str] = fields.JSONField()
    fields_seen: list[str] = fields.JSONField()
    recorded_at = fields.DatetimeField()
    mandate_id = fields.UUIDField(null=True)

    class Meta:
        table = "personal_space_ledger_entry"
        unique_together = (("resident_id", "reference"),)
        indexes = (("resident_id", "at", "id"), ("mandate_id", "id"))

"""Who may act for whom, and how it came about."""

from tortoise import fields
from tortoise.models import Model

from app_server.identity.acting.rules import Kind, Reach, Role, State
from app_server.kernel.ids import uuid7


class Mandate(Model):
    """The agent may act for the principal, once both have accepted, from `starts_at` until `until_at`.

    The side that is not known yet is None: it is who has the code (`code_index`) or the phone (`to_phone_index`) that
    the offer was made for. `app_ids` are the only services it is for; none named: all of them, and the resident's own
    pages. `offered_by` is None when an officer of the city opened it; `role` is an officer's of a company.
    """

    id = fields.UUIDField(primary_key=True, default=uuid7)
    kind = fields.CharEnumField(Kind, max_length=20)
    state = fields.CharEnumField(State, max_length=10)
    principal_id = fields.UUIDField(null=True, db_index=True)
    agent_id = fields.UUIDField(null=True, db_index=True)
    offered_by = fields.UUIDField(null=True)
    reach = fields.CharEnumField(Reach, max_length=10)
    app_ids: list[str] = fields.JSONField(default=list)
    role = fields.CharEnumField(Role, max_length=20, null=True)
    starts_at = fields.DatetimeField()
    until_at = fields.DatetimeField()
    code_index = fields.CharField(max_length=64, unique=True, null=True)
    to_phone_index = fields.CharField(max_length=64, null=True, db_index=True)
    to_phone_sealed = fields.BinaryField(null=True)
    offered_at = fields.DatetimeField()
    offer_expires_at = fields.DatetimeField()
    principal_accepted_at = fields.DatetimeField(null=True)
    agent_accepted_at = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)
    ended_by = fields.CharField(max_length=20, null=True)

    class Meta:
        table = "core_mandate"
        indexes = [("state", "until_at")]

"""What was verified of residents."""

from tortoise import fields
from tortoise.models import Model

from app_server.identity.proofing.levels import Evidence, Method
from app_server.kernel.ids import uuid7


class IdentityProof(Model):
    """A resident was verified: by whom, how, with what evidence, until when it holds. Never changed, only revoked.

    Name and birthdate are sealed. The number of the document is not kept: `number_index` finds it by a keyed index, so
    that one person has one verified account.
    """

    id = fields.UUIDField(primary_key=True, default=uuid7)
    resident_id = fields.UUIDField(db_index=True)
    method = fields.CharEnumField(Method, max_length=10)
    evidence = fields.CharEnumField(Evidence, max_length=20)
    verified_by = fields.CharField(max_length=80)
    name_sealed = fields.BinaryField()
    birthdate_sealed = fields.BinaryField(null=True)
    number_kind = fields.CharField(max_length=20)
    number_index = fields.CharField(max_length=64, db_index=True)
    verified_at = fields.DatetimeField()
    valid_until = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "core_identity_proof"

from tortoise import migrations
from tortoise.migrations import operations as ops
from app_server.identity.recovery.models import Evidence, Outcome
from app_server.kernel.ids import uuid7
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('core', '0019_identity_proofs')]

    initial = False

    operations = [
        ops.CreateModel(
            name='Recovery',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ('resident', fields.ForeignKeyField('core.Resident', source_field='resident_id', db_constraint=True, to_field='id', related_name='recoveries', on_delete=OnDelete.CASCADE)),
                ('evidence', fields.CharEnumField(description='IDENTITY_CARD: identity_card\nPASSPORT: passport\nRESIDENCE_PERMIT: residence_permit', enum_type=Evidence, max_length=20)),
                ('code_hash', fields.CharField(unique=True, max_length=64)),
                ('cancel_hash', fields.CharField(null=True, unique=True, max_length=64)),
                ('opened_by', fields.UUIDField()),
                ('opened_at', fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False)),
                ('approved_by', fields.UUIDField(null=True)),
                ('ready_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('ended_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('ended_as', fields.CharEnumField(null=True, description='COMPLETED: completed\nCANCELLED: cancelled\nREPLACED: replaced', enum_type=Outcome, max_length=10)),
            ],
            options={'table': 'core_recovery', 'app': 'core', 'indexes': [Index(fields=['resident_id'])], 'pk_attr': 'id', 'table_description': 'Opened by one officer, approved by another, which a constraint holds; then it waits until `ready_at`.'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='SignInChallenge',
            name='recovery_of',
            field=fields.UUIDField(null=True),
        ),
        # one open recovery for each resident, and never one officer alone
        ops.RunSQL(
            "CREATE UNIQUE INDEX uidx_core_recovery_open ON core_recovery (resident_id) WHERE ended_at IS NULL",
            "DROP INDEX uidx_core_recovery_open",
        ),
        ops.RunSQL(
            "ALTER TABLE core_recovery ADD CONSTRAINT core_recovery_by_two CHECK (approved_by <> opened_by"
            " AND (ready_at IS NULL) = (approved_by IS NULL))",
            "ALTER TABLE core_recovery DROP CONSTRAINT core_recovery_by_two",
        ),
    ]

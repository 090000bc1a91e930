from tortoise import migrations
from tortoise.migrations import operations as ops
from app_server.identity.acting.rules import Kind, Reach, Role, State
from app_server.identity.models import ResidentKind
from app_server.kernel.ids import uuid7
from orjson import loads
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('core', '0016_id_token_claims')]

    initial = False

    operations = [
        ops.CreateModel(
            name='Mandate',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ('kind', fields.CharEnumField(description='PARENT: parent\nWARD: ward\nCAREGIVER: caregiver\nCOUNTER: counter\nOFFICER: officer', enum_type=Kind, max_length=20)),
                ('state', fields.CharEnumField(description='OFFERED: offered\nACTIVE: active\nENDED: ended', enum_type=State, max_length=10)),
                ('principal_id', fields.UUIDField(null=True, db_index=True)),
                ('agent_id', fields.UUIDField(null=True, db_index=True)),
                ('offered_by', fields.UUIDField(null=True)),
                ('reach', fields.CharEnumField(description='LOOK: look\nACT: act', enum_type=Reach, max_length=10)),
                ('app_ids', fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ('role', fields.CharEnumField(null=True, description='REPRESENTATIVE: representative\nOFFICER: officer\nCLERK: clerk', enum_type=Role, max_length=20)),
                ('starts_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('until_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('code_index', fields.CharField(null=True, unique=True, max_length=64)),
                ('to_phone_index', fields.CharField(null=True, db_index=True, max_length=64)),
                ('to_phone_sealed', fields.BinaryField(null=True)),
                ('offered_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('offer_expires_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('principal_accepted_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('agent_accepted_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('ended_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('ended_by', fields.CharField(null=True, max_length=20)),
            ],
            options={'table': 'core_mandate', 'app': 'core', 'indexes': [Index(fields=['state', 'until_at'])], 'pk_attr': 'id', 'table_description': 'The agent may act for the principal, once both have accepted, from `starts_at` until `until_at`.'},
            bases=['Model'],
        ),
        ops.AlterModelOptions(
            name='Resident',
            options={'table': 'core_resident', 'app': 'core', 'pk_attr': 'id', 'table_description': 'A person, or a legal person. Phone and name are sealed; the phone is found by its blind index.'},
        ),
        ops.AddField(
            model_name='Resident',
            name='birth_date_sealed',
            field=fields.BinaryField(null=True),
        ),
        ops.AddField(
            model_name='Resident',
            name='credit_code',
            field=fields.CharField(null=True, unique=True, max_length=18),
        ),
        ops.AddField(
            model_name='Resident',
            name='kind',
            field=fields.CharEnumField(description='PERSON: person\nCOMPANY: company', db_default='person', enum_type=ResidentKind, max_length=10),
        ),
        ops.AddField(
            model_name='Session',
            name='actor_id',
            field=fields.UUIDField(null=True),
        ),
        ops.AddField(
            model_name='Session',
            name='mandate_id',
            field=fields.UUIDField(null=True, db_index=True),
        ),
    ]

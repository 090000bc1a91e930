from tortoise import migrations
from tortoise.migrations import operations as ops
from app_server.identity.proofing.levels import Evidence, Method
from app_server.kernel.ids import uuid7
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('core', '0018_presence')]

    initial = False

    operations = [
        ops.CreateModel(
            name='IdentityProof',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ('resident_id', fields.UUIDField(db_index=True)),
                ('method', fields.CharEnumField(description='REGISTER: register\nCOUNTER: counter', enum_type=Method, max_length=10)),
                ('evidence', fields.CharEnumField(description='ID_CARD: id_card\nPASSPORT: passport\nRESIDENCE_PERMIT: residence_permit\nREGISTER_RECORD: register_record', enum_type=Evidence, max_length=20)),
                ('verified_by', fields.CharField(max_length=80)),
                ('name_sealed', fields.BinaryField()),
                ('birthdate_sealed', fields.BinaryField(null=True)),
                ('number_kind', fields.CharField(max_length=20)),
                ('number_index', fields.CharField(db_index=True, max_length=64)),
                ('verified_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('valid_until', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('revoked_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'core_identity_proof', 'app': 'core', 'pk_attr': 'id', 'table_description': 'A resident was verified: by whom, how, with what evidence, until when it holds. Never changed, only revoked.'},
            bases=['Model'],
        ),
    ]

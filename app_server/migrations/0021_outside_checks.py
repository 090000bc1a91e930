from tortoise import migrations
from tortoise.migrations import operations as ops
from app_server.identity.proofing.levels import Evidence, Method
from app_server.kernel.ids import uuid7
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('core', '0020_recovery')]

    initial = False

    operations = [
        ops.CreateModel(
            name='OutsideCheck',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ('state_hash', fields.CharField(unique=True, max_length=64)),
                ('resident_id', fields.UUIDField(db_index=True)),
                ('session_id', fields.UUIDField()),
                ('provider', fields.CharField(max_length=16)),
                ('nonce_hash', fields.CharField(max_length=64)),
                ('verifier_sealed', fields.BinaryField()),
                ('expires_at', fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'core_outside_check', 'app': 'core', 'pk_attr': 'id', 'table_description': 'A resident was sent to a provider from this session. `state` and `nonce` as hashes; used once, then gone.'},
            bases=['Model'],
        ),
        ops.AlterField(
            model_name='IdentityProof',
            name='evidence',
            field=fields.CharEnumField(description='ID_CARD: id_card\nPASSPORT: passport\nRESIDENCE_PERMIT: residence_permit\nREGISTER_RECORD: register_record\nOUTSIDE_ACCOUNT: outside_account', enum_type=Evidence, max_length=20),
        ),
        ops.AlterField(
            model_name='IdentityProof',
            name='method',
            field=fields.CharEnumField(description='REGISTER: register\nCOUNTER: counter\nPROVIDER: provider', enum_type=Method, max_length=10),
        ),
    ]

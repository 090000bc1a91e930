from tortoise import migrations
from tortoise.migrations import operations as ops
from app_server.kernel.ids import uuid7
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('core', '0011_locked_as')]

    initial = False

    operations = [
        ops.CreateModel(
            name='DeviceRequest',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ('device_code_hash', fields.CharField(unique=True, max_length=64)),
                ('user_code_index', fields.CharField(unique=True, max_length=64)),
                ('name_hash', fields.CharField(unique=True, max_length=64)),
                ('number_index', fields.CharField(max_length=64)),
                ('client_id', fields.CharField(max_length=64)),
                ('scope', fields.TextField(unique=False)),
                ('code_challenge', fields.CharField(null=True, max_length=43)),
                ('network_sealed', fields.BinaryField(null=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('expires_at', fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False)),
                ('polled_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('interval_seconds', fields.IntField()),
                ('session_id', fields.UUIDField(null=True)),
                ('allowed', fields.BooleanField(null=True)),
            ],
            options={'table': 'core_device_request', 'app': 'core', 'pk_attr': 'id', 'table_description': 'What a screen asks until a resident has decided on it with her phone (RFC 8628).'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='RegisteredClient',
            name='device_flow',
            field=fields.BooleanField(db_default=False),
        ),
    ]

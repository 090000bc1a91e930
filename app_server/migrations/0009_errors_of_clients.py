from tortoise import migrations
from tortoise.migrations import operations as ops
from app_server.kernel.ids import uuid7
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('core', '0008_passkeys_and_devices')]

    initial = False

    operations = [
        ops.CreateModel(
            name='ClientError',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ('client_id', fields.CharField(max_length=64)),
                ('endpoint', fields.CharField(max_length=40)),
                ('error', fields.CharField(max_length=40)),
                ('description', fields.CharField(max_length=300)),
                ('at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'core_client_error', 'app': 'core', 'indexes': [Index(fields=['client_id', 'id'])], 'pk_attr': 'id', 'table_description': 'What was wrong in a request that a registered client sent, or somebody in its name; never what was sent.'},
            bases=['Model'],
        ),
    ]

from tortoise import migrations
from tortoise.migrations import operations as ops
from orjson import loads
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('core', '0012_device_flow')]

    initial = False

    operations = [
        ops.AddField(
            model_name='LaunchCode',
            name='dpop_jkt',
            field=fields.CharField(null=True, max_length=43),
        ),
        ops.AddField(
            model_name='RegisteredClient',
            name='dpop_bound',
            field=fields.BooleanField(db_default=False),
        ),
        ops.AddField(
            model_name='RegisteredClient',
            name='secret_hashes',
            field=fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddField(
            model_name='Session',
            name='dpop_jkt',
            field=fields.CharField(null=True, max_length=43),
        ),
    ]

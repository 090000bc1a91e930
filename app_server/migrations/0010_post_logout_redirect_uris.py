from tortoise import migrations
from tortoise.migrations import operations as ops
from orjson import loads
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('core', '0009_errors_of_clients')]

    initial = False

    operations = [
        ops.AddField(
            model_name='RegisteredClient',
            name='post_logout_redirect_uris',
            field=fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads),
        ),
    ]

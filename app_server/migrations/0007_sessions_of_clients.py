from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('core', '0006_login_for_others')]

    initial = False

    operations = [
        ops.AddField(
            model_name='Session',
            name='client_id',
            field=fields.CharField(null=True, max_length=64),
        ),
        ops.AddField(
            model_name='Session',
            name='parent_id',
            field=fields.UUIDField(null=True, db_index=True),
        ),
        ops.AddField(
            model_name='Session',
            name='scope',
            field=fields.TextField(null=True, unique=False),
        ),
    ]

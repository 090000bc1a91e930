from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('core', '0015_factors')]

    initial = False

    operations = [
        ops.AddField(
            model_name='LaunchCode',
            name='id_token_claims',
            field=fields.TextField(null=True, unique=False),
        ),
    ]

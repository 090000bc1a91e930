from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('personal_space', '0002_append_only')]

    initial = False

    operations = [
        ops.AddField(
            model_name='LedgerEntry',
            name='mandate_id',
            field=fields.UUIDField(null=True),
        ),
        ops.AddIndex(
            model_name='LedgerEntry',
            index=Index(fields=['mandate_id', 'id']),
        ),
    ]

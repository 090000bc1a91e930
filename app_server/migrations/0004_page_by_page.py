from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('core', '0003_order_listing_history')]

    initial = False

    operations = [
        ops.AddIndex(
            model_name='IdempotentAnswer',
            index=Index(fields=['created_at']),
        ),
        ops.AddIndex(
            model_name='RefreshToken',
            index=Index(fields=['session_id']),
        ),
        ops.AlterField(
            model_name='Session',
            name='expires_at',
            field=fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddIndex(
            model_name='UsageMinute',
            index=Index(fields=['minute']),
        ),
    ]

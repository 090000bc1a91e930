from tortoise import migrations
from tortoise.migrations import operations as ops
from app_server.kernel.ids import uuid7
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('core', '0021_outside_checks')]

    initial = False

    operations = [
        ops.CreateModel(
            name='PhoneChange',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ('resident', fields.ForeignKeyField('core.Resident', source_field='resident_id', db_constraint=True, to_field='id', related_name='phone_changes', on_delete=OnDelete.CASCADE)),
                ('session_id', fields.UUIDField()),
                ('old_phone_index', fields.CharField(db_index=True, max_length=64)),
                ('old_phone_sealed', fields.BinaryField()),
                ('undo_hash', fields.CharField(unique=True, max_length=64)),
                ('changed_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('undo_until', fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False)),
                ('undone_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'core_phone_change', 'app': 'core', 'indexes': [Index(fields=['resident_id'])], 'pk_attr': 'id', 'table_description': 'A number that a resident gave up. Until `undo_until` it opens no other account and can come back.'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='SignInChallenge',
            name='number_of',
            field=fields.UUIDField(null=True),
        ),
    ]

from tortoise import migrations
from tortoise.migrations import operations as ops
from app_server.identity.models import LogoutAnswer
from app_server.kernel.ids import uuid7
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('core', '0013_bound_to_a_key')]

    initial = False

    operations = [
        ops.CreateModel(
            name='LogoutNotice',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ('occasion_id', fields.UUIDField(db_index=True)),
                ('resident_id', fields.UUIDField()),
                ('client_id', fields.CharField(max_length=64)),
                ('session_id', fields.UUIDField()),
                ('created_at', fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False)),
                ('answer', fields.CharEnumField(null=True, description='CONFIRMED: confirmed\nREFUSED: refused\nNOT_TOLD: not_told', enum_type=LogoutAnswer, max_length=10)),
            ],
            options={'table': 'core_logout_notice', 'app': 'core', 'indexes': [Index(fields=['resident_id', 'occasion_id'])], 'pk_attr': 'id', 'table_description': 'A client that must hear that a session of its has ended. Those of one `occasion_id` ended together.'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='RegisteredClient',
            name='backchannel_logout_session_required',
            field=fields.BooleanField(default=False, db_default=False),
        ),
        ops.AddField(
            model_name='RegisteredClient',
            name='backchannel_logout_uri',
            field=fields.CharField(null=True, max_length=255),
        ),
        ops.AddField(
            model_name='Session',
            name='opened_in',
            field=fields.UUIDField(null=True, db_index=True),
        ),
    ]

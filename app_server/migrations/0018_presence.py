from tortoise import migrations
from tortoise.migrations import operations as ops
from app_server.identity.models import ChallengePurpose
from app_server.kernel.ids import uuid7
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('core', '0017_acting_for_another')]

    initial = False

    operations = [
        ops.CreateModel(
            name='PresenceTicket',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ('session_id', fields.UUIDField()),
                ('purpose', fields.CharField(max_length=20)),
                ('level', fields.IntField()),
                ('expires_at', fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'core_presence_ticket', 'app': 'core', 'unique_together': (('session_id', 'purpose'),), 'pk_attr': 'id', 'table_description': 'Somebody proved that they are there: good for one change of one kind in this session, and for three minutes.'},
            bases=['Model'],
        ),
        ops.AlterField(
            model_name='PasskeyChallenge',
            name='purpose',
            field=fields.CharEnumField(description='REGISTRATION: registration\nSIGN_IN: sign_in\nPRESENCE: presence', enum_type=ChallengePurpose, max_length=20),
        ),
        ops.AddField(
            model_name='SignInChallenge',
            name='presence_of',
            field=fields.UUIDField(null=True),
        ),
    ]

from tortoise import migrations
from tortoise.migrations import operations as ops
from app_server.identity.models import ChallengePurpose, SignInMethod
from app_server.kernel.ids import uuid7
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('core', '0007_sessions_of_clients')]

    initial = False

    operations = [
        ops.CreateModel(
            name='KnownDevice',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ('resident', fields.ForeignKeyField('core.Resident', source_field='resident_id', db_constraint=True, to_field='id', related_name='devices', on_delete=OnDelete.CASCADE)),
                ('device_hash', fields.CharField(max_length=64)),
                ('last_seen_at', fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'core_known_device', 'app': 'core', 'unique_together': (('resident_id', 'device_hash'),), 'pk_attr': 'id', 'table_description': "A browser that a resident has signed in with, by the hash of its cookie's name: another one is news."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Passkey',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ('resident', fields.ForeignKeyField('core.Resident', source_field='resident_id', db_constraint=True, to_field='id', related_name='passkeys', on_delete=OnDelete.CASCADE)),
                ('credential_id', fields.CharField(unique=True, max_length=1400)),
                ('public_key', fields.BinaryField()),
                ('sign_count', fields.BigIntField()),
                ('name_sealed', fields.BinaryField(null=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('last_used_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'core_passkey', 'app': 'core', 'indexes': [Index(fields=['resident_id'])], 'pk_attr': 'id', 'table_description': "A resident's passkey: the public half of a key that never leaves their authenticator."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='PasskeyChallenge',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ('purpose', fields.CharEnumField(description='REGISTRATION: registration\nSIGN_IN: sign_in', enum_type=ChallengePurpose, max_length=20)),
                ('resident_id', fields.UUIDField(null=True)),
                ('challenge', fields.BinaryField()),
                ('expires_at', fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'core_passkey_challenge', 'app': 'core', 'pk_attr': 'id', 'table_description': 'What an authenticator is asked to sign, once; `resident_id` is who registers, None while nobody is known.'},
            bases=['Model'],
        ),
        ops.AlterField(
            model_name='Session',
            name='user_agent',
            field=fields.CharField(default='', max_length=400),
        ),
        ops.AddField(
            model_name='Session',
            name='device_hash',
            field=fields.CharField(null=True, max_length=64),
        ),
        ops.AddField(
            model_name='Session',
            name='method',
            field=fields.CharEnumField(description='OTP: otp\nPASSKEY: passkey', db_default='otp', enum_type=SignInMethod, max_length=10),
        ),
        ops.AddField(
            model_name='Session',
            name='name_sealed',
            field=fields.BinaryField(null=True),
        ),
        ops.AddField(
            model_name='Session',
            name='network_sealed',
            field=fields.BinaryField(null=True),
        ),
        ops.AddField(
            model_name='Session',
            name='passkey_id',
            field=fields.UUIDField(null=True, db_index=True),
        ),
        ops.AddIndex(
            model_name='Session',
            index=Index(fields=['resident_id']),
        ),
    ]

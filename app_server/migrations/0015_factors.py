from tortoise import migrations
from tortoise.migrations import operations as ops
from app_server.identity.models import FirstStep, SignInMethod
from app_server.kernel.ids import uuid7
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('core', '0014_logout_notices')]

    initial = False

    operations = [
        ops.CreateModel(
            name='AuthenticatorApp',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ('resident', fields.OneToOneField('core.Resident', source_field='resident_id', db_constraint=True, to_field='id', related_name='authenticator_app', on_delete=OnDelete.CASCADE)),
                ('secret_sealed', fields.BinaryField()),
                ('last_step', fields.BigIntField(default=0)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('confirmed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'core_authenticator_app', 'app': 'core', 'indexes': [Index(fields=['created_at'])], 'pk_attr': 'id', 'table_description': "The secret that a resident's authenticator app shares with us (RFC 6238). It counts once it is confirmed."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Password',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ('resident', fields.OneToOneField('core.Resident', source_field='resident_id', db_constraint=True, to_field='id', related_name='password', on_delete=OnDelete.CASCADE)),
                ('hash_sealed', fields.BinaryField()),
                ('set_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'core_password', 'app': 'core', 'pk_attr': 'id', 'table_description': "A resident's password: its argon2id hash, sealed, so that the table without the key file says nothing."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='PasswordTries',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ('phone_index', fields.CharField(unique=True, max_length=64)),
                ('tries', fields.IntField()),
                ('since', fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'core_password_tries', 'app': 'core', 'pk_attr': 'id', 'table_description': 'How often a password was tried for a number since a moment. Numbers that nobody has are counted, too.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='RecoveryCode',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ('resident', fields.ForeignKeyField('core.Resident', source_field='resident_id', db_constraint=True, to_field='id', related_name='recovery_codes', on_delete=OnDelete.CASCADE)),
                ('code_hash', fields.CharField(max_length=64)),
                ('used_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'core_recovery_code', 'app': 'core', 'unique_together': (('resident_id', 'code_hash'),), 'pk_attr': 'id', 'table_description': "A code on the resident's paper, by its keyed hash. Each is used once."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='SignInStep',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ('resident', fields.ForeignKeyField('core.Resident', source_field='resident_id', db_constraint=True, to_field='id', related_name='sign_in_steps', on_delete=OnDelete.CASCADE)),
                ('token_hash', fields.CharField(unique=True, max_length=64)),
                ('proven', fields.CharEnumField(description='CODE: otp\nPASSWORD: pwd', enum_type=FirstStep, max_length=10)),
                ('attempts', fields.IntField(default=0)),
                ('expires_at', fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False)),
                ('used_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'core_sign_in_step', 'app': 'core', 'pk_attr': 'id', 'table_description': 'A sign-in whose first step is proven and whose second is not. Its name is a secret, kept as a hash.'},
            bases=['Model'],
        ),
        ops.AlterField(
            model_name='Session',
            name='method',
            field=fields.CharEnumField(description='OTP: otp\nOTP_TOTP: otp_totp\nOTP_RC: otp_rc\nPWD_OTP: pwd_otp\nPWD_TOTP: pwd_totp\nPWD_RC: pwd_rc\nPASSKEY: passkey', db_default='otp', enum_type=SignInMethod, max_length=10),
        ),
        ops.AddField(
            model_name='SignInChallenge',
            name='after_password_of',
            field=fields.UUIDField(null=True),
        ),
    ]

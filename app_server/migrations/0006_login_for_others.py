from tortoise import migrations
from tortoise.migrations import operations as ops
from app_server.kernel.ids import uuid7
from orjson import loads
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('core', '0005_page_by_page_partial')]

    initial = False

    operations = [
        ops.CreateModel(
            name='AuthorizationRequest',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ('token_hash', fields.CharField(unique=True, max_length=64)),
                ('client_id', fields.CharField(max_length=64)),
                ('asked', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('expires_at', fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False)),
                ('used_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'core_authorization_request', 'app': 'core', 'pk_attr': 'id', 'table_description': 'What a client asked at the authorization endpoint, while the resident signs in and decides.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='RegisteredClient',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ('client_id', fields.CharField(unique=True, max_length=64)),
                ('organisation_id', fields.UUIDField(db_index=True)),
                ('name', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('redirect_uris', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('proof', fields.CharField(max_length=20)),
                ('public_keys', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('scopes', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('version', fields.IntField(default=1)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('removed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'core_registered_client', 'app': 'core', 'pk_attr': 'id', 'table_description': "A program of a provider's that signs residents in with the city's login (OpenID Connect), no mini-app."},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='LaunchCode',
            name='nonce',
            field=fields.CharField(null=True, max_length=512),
        ),
        ops.AddField(
            model_name='LaunchCode',
            name='scope',
            field=fields.TextField(null=True, unique=False),
        ),
    ]

from uuid import uuid4

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from app_server.kernel.ids import uuid7


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="Delivery",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("unique_key", fields.CharField(unique=True, max_length=200)),
                ("to", fields.BinaryField()),
                ("text", fields.BinaryField(null=True)),
                ("state", fields.CharField(default="accepted", max_length=10)),
                ("why", fields.CharField(null=True, max_length=100)),
                ("carrier_id", fields.CharField(null=True, max_length=64)),
                ("attempts", fields.IntField(default=0)),
                ("in_doubt", fields.BooleanField(default=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("updated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "notifications_delivery",
                "app": "notifications",
                "indexes": [Index(fields=["carrier_id"])],
                "pk_attr": "id",
                "table_description": "One text message on its way. `to` and `text` are sealed; `text` is forgotten once it is not needed any more.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Inbox",
            fields=[
                ("resident_id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("last_position", fields.BigIntField()),
                ("unread", fields.IntField()),
            ],
            options={
                "table": "notifications_inbox",
                "app": "notifications",
                "pk_attr": "resident_id",
                "table_description": "One row a resident: the lock that makes positions gapless, and the count of what they have not read.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Message",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("resident_id", fields.UUIDField()),
                ("position", fields.BigIntField()),
                ("unique_key", fields.CharField(max_length=200)),
                ("app_id", fields.CharField(null=True, max_length=64)),
                ("texts", fields.BinaryField()),
                ("link", fields.CharField(null=True, max_length=500)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("read_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "notifications_message",
                "app": "notifications",
                "unique_together": (("resident_id", "position"), ("resident_id", "unique_key")),
                "pk_attr": "id",
                "table_description": 'One notice to one resident. `texts` is sealed JSON: `{locale: {"title", "body"}}`.',
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SimulatedSms",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("carrier_id", fields.CharField(unique=True, max_length=34)),
                ("to", fields.BinaryField()),
                ("to_index", fields.BinaryField()),
                ("text", fields.BinaryField()),
                ("sender", fields.CharField(max_length=40)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "notifications_simulated_sms",
                "app": "notifications",
                "indexes": [Index(fields=["created_at"])],
                "pk_attr": "id",
                "table_description": "What the demo's carrier took over. Empty in production.",
            },
            bases=["Model"],
        ),
    ]

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from app_server.kernel.ids import uuid7


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="LedgerEntry",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("resident_id", fields.UUIDField()),
                ("reference", fields.CharField(max_length=200)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("who_kind", fields.CharField(max_length=20)),
                ("who_id", fields.CharField(max_length=80)),
                ("who_name", fields.CharField(max_length=200)),
                ("who_place", fields.CharField(null=True, max_length=200)),
                ("purpose", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("fields_seen", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("recorded_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "personal_space_ledger_entry",
                "app": "personal_space",
                "unique_together": (("resident_id", "reference"),),
                "indexes": [Index(fields=["resident_id", "at", "id"])],
                "pk_attr": "id",
                "table_description": "One look at a resident's data: who, from where, what for, which fields by name (never their values).",
            },
            bases=["Model"],
        ),
    ]

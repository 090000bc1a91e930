from tortoise import migrations
from tortoise.migrations import operations as ops
from app_server.kernel.ids import uuid7
from card_wallet.lifecycle import Status
from card_wallet.models import Form
from orjson import loads
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="Card",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("resident_id", fields.UUIDField()),
                ("app_id", fields.CharField(max_length=30)),
                ("type", fields.CharField(max_length=63)),
                ("number", fields.BinaryField()),
                ("sealed_fields", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                (
                    "status",
                    fields.CharEnumField(
                        default=Status.ACTIVE,
                        description="ACTIVE: active\nSUSPENDED: suspended\nREVOKED: revoked",
                        enum_type=Status,
                        max_length=10,
                    ),
                ),
                ("status_reason", fields.CharField(null=True, max_length=200)),
                ("version", fields.IntField(default=1)),
                ("issued_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("updated_at", fields.DatetimeField(auto_now=True, auto_now_add=False)),
            ],
            options={
                "table": "card_wallet_card",
                "app": "card_wallet",
                "unique_together": (("resident_id", "app_id", "type"),),
                "pk_attr": "id",
                "table_description": "A card that a mini-app gave a resident: one of each type. Number and values are sealed, each for itself.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Presentation",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("resident_id", fields.UUIDField()),
                ("card_id", fields.UUIDField(db_index=True)),
                ("card_type", fields.CharField(max_length=63)),
                ("app_id", fields.CharField(max_length=30)),
                ("verifier_id", fields.UUIDField()),
                ("verifier_name", fields.CharField(max_length=80)),
                ("place", fields.CharField(max_length=120)),
                ("role", fields.CharField(max_length=63)),
                (
                    "form",
                    fields.CharEnumField(description="HANDLE: handle\nSPOKEN: spoken", enum_type=Form, max_length=10),
                ),
                ("shown_fields", ArrayField(element_type="TEXT")),
                ("idempotency_key", fields.CharField(max_length=128)),
                ("fingerprint", fields.BinaryField()),
            ],
            options={
                "table": "card_wallet_presentation",
                "app": "card_wallet",
                "unique_together": (("verifier_id", "idempotency_key"),),
                "indexes": [Index(fields=["resident_id", "id"])],
                "pk_attr": "id",
                "table_description": "A card was shown and read: who looked, where, when, which fields by name. Append-only: a trigger holds it.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Verifier",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("name", fields.CharField(max_length=80)),
                ("place", fields.CharField(max_length=120)),
                ("app_id", fields.CharField(db_index=True, max_length=30)),
                ("role", fields.CharField(max_length=63)),
                ("token_hash", fields.CharField(null=True, unique=True, max_length=64)),
                ("enrolled_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("removed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "card_wallet_verifier",
                "app": "card_wallet",
                "pk_attr": "id",
                "table_description": "A reader of cards: a desk, a gate. It has a token once it is enrolled, and none after it is removed.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Enrolment",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                (
                    "verifier",
                    fields.ForeignKeyField(
                        "card_wallet.Verifier",
                        source_field="verifier_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="enrolments",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("locator", fields.CharField(unique=True, max_length=4)),
                ("secret_hash", fields.BinaryField()),
                ("attempts", fields.IntField(default=0)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "card_wallet_enrolment",
                "app": "card_wallet",
                "pk_attr": "id",
                "table_description": "A one-time code that makes a device the reader: found by its first characters, proven by the rest.",
            },
            bases=["Model"],
        ),
    ]

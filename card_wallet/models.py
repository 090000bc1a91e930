"""Tables of the wallet: cards, who may read them, and every reading."""

from enum import StrEnum
from typing import Any

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model

from app_server.kernel.ids import uuid7
from card_wallet.lifecycle import Status


class Form(StrEnum):
    """How a reader took a code: from the QR code, or from the 12 digits."""

    HANDLE = "handle"
    SPOKEN = "spoken"


class Card(Model):
    """A card that a mini-app gave a resident: one of each type. Number and values are sealed, each for itself."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    resident_id = fields.UUIDField()
    app_id = fields.CharField(max_length=30)
    type = fields.CharField(max_length=63)
    number = fields.BinaryField()
    sealed_fields: dict[str, str] = fields.JSONField()  # name → base64 of the sealed value
    status = fields.CharEnumField(Status, max_length=10, default=Status.ACTIVE)
    status_reason = fields.CharField(max_length=200, null=True)
    version = fields.IntField(default=1)
    issued_at = fields.DatetimeField()
    expires_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "card_wallet_card"
        unique_together = (("resident_id", "app_id", "type"),)


class Verifier(Model):
    """A reader of cards: a desk, a gate. It has a token once it is enrolled, and none after it is removed."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    name = fields.CharField(max_length=80)
    place = fields.CharField(max_length=120)
    app_id = fields.CharField(max_length=30, db_index=True)
    role = fields.CharField(max_length=63)
    token_hash = fields.CharField(max_length=64, null=True, unique=True)
    enrolled_at = fields.DatetimeField(null=True)
    removed_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "card_wallet_verifier"


class Enrolment(Model):
    """A one-time code that makes a device the reader: found by its first characters, proven by the rest."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    verifier: fields.ForeignKeyRelation[Verifier] = fields.ForeignKeyField(
        "card_wallet.Verifier", related_name="enrolments", on_delete=fields.CASCADE
    )
    verifier_id: Any
    locator = fields.CharField(max_length=4, unique=True)
    secret_hash = fields.BinaryField()
    attempts = fields.IntField(default=0)
    expires_at = fields.DatetimeField()
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "card_wallet_enrolment"


class Presentation(Model):
    """A card was shown and read: who looked, where, when, which fields by name. Append-only: a trigger holds it."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    at = fields.DatetimeField()
    resident_id = fields.UUIDField()
    card_id = fields.UUIDField(db_index=True)
    card_type = fields.CharField(max_length=63)
    app_id = fields.CharField(max_length=30)
    verifier_id = fields.UUIDField()
    verifier_name = fields.CharField(max_length=80)
    place = fields.CharField(max_length=120)
    role = fields.CharField(max_length=63)
    form = fields.CharEnumField(Form, max_length=10)
    shown_fields = ArrayField(element_type="text")
    idempotency_key = fields.CharField(max_length=128)
    fingerprint = fields.BinaryField()

    class Meta:
        table = "card_wallet_presentation"
        unique_together = (("verifier_id", "idempotency_key"),)
        indexes = [("resident_id", "id")]

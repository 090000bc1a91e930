"""Tables of notices: what is said (Message) apart from one attempt to reach a phone (Delivery)."""

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from app_server.kernel.ids import uuid7

TEXTS = "notifications_message.texts"  # the names that sealed values are bound to
SMS_TO = "notifications_delivery.to"
SMS_TEXT = "notifications_delivery.text"
SIMULATED_TO = "notifications_simulated_sms.to"
SIMULATED_TEXT = "notifications_simulated_sms.text"


class Inbox(Model):
    """One row a resident: the lock that makes positions gapless, and the count of what they have not read."""

    resident_id = fields.UUIDField(primary_key=True)
    last_position = fields.BigIntField()
    unread = fields.IntField()

    class Meta:
        table = "notifications_inbox"


class Message(Model):
    """One notice to one resident. `texts` is sealed JSON: `{locale: {"title", "body"}}`."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    resident_id = fields.UUIDField()
    position = fields.BigIntField()
    unique_key = fields.CharField(max_length=200)
    app_id = fields.CharField(max_length=64, null=True)
    texts = fields.BinaryField()
    link = fields.CharField(max_length=500, null=True)
    created_at = fields.DatetimeField()
    read_at = fields.DatetimeField(null=True)

    class Meta:
        table = "notifications_message"
        unique_together = (("resident_id", "position"), ("resident_id", "unique_key"))


class Delivery(Model):
    """One text message on its way. `to` and `text` are sealed; `text` is forgotten once it is not needed any more.

    `accepted` is ours and durable, `sent` is with the carrier, `delivered` is on the phone; `failed` says why.
    """

    id = fields.UUIDField(primary_key=True, default=uuid7)
    unique_key = fields.CharField(max_length=200, unique=True)
    to = fields.BinaryField()
    text = fields.BinaryField(null=True)
    state = fields.CharField(max_length=10, default="accepted")
    why = fields.CharField(max_length=100, null=True)
    carrier_id = fields.CharField(max_length=64, null=True)
    attempts = fields.IntField(default=0)
    in_doubt = fields.BooleanField(default=False)  # an attempt was begun and its outcome is not known
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    class Meta:
        table = "notifications_delivery"
        indexes = (Index(fields=("carrier_id",)),)


class SimulatedSms(Model):
    """What the demo's carrier took over. Empty in production."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    carrier_id = fields.CharField(max_length=34, unique=True)
    to = fields.BinaryField()
    to_index = fields.BinaryField()
    text = fields.BinaryField()
    sender = fields.CharField(max_length=40)
    created_at = fields.DatetimeField()

    class Meta:
        table = "notifications_simulated_sms"
        indexes = (Index(fields=("created_at",)),)

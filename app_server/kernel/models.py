"""The kernel's own tables."""

from tortoise import fields
from tortoise.models import Model

from app_server.kernel.ids import uuid7


class OutboxEvent(Model):
    """A fact, written in the transaction that made it true; the worker hands it to its reactions."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    name = fields.CharField(max_length=80)
    payload: dict[str, object] = fields.JSONField()
    created_at = fields.DatetimeField(auto_now_add=True)
    delivered_at = fields.DatetimeField(null=True)

    class Meta:
        table = "core_outbox_event"


class QueuedJob(Model):
    """A piece of work and where it stands. The engine only distributes; this row is the truth.

    `attempts` is written before the work starts, so that work that kills its worker is given up after five.
    """

    id = fields.UUIDField(primary_key=True, default=uuid7)
    name = fields.CharField(max_length=80)
    payload: dict[str, object] = fields.JSONField()
    unique_key = fields.CharField(max_length=200, unique=True)
    state = fields.CharField(max_length=10, default="waiting")  # waiting, done, dead
    attempts = fields.IntField(default=0)
    run_at = fields.DatetimeField()
    submitted_at = fields.DatetimeField(null=True)
    leased_until = fields.DatetimeField(null=True)
    lease = fields.UUIDField(null=True)
    last_error = fields.CharField(max_length=500, null=True)
    created_at = fields.DatetimeField(auto_now_add=True)
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "core_job"


class ScheduleTick(Model):
    """One due time of a schedule; whoever inserts it fires it."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    job_id = fields.CharField(max_length=80)
    scheduled_for = fields.DatetimeField()

    class Meta:
        table = "core_schedule_tick"
        unique_together = (("job_id", "scheduled_for"),)


class AuditEntry(Model):
    """Who did what to whom, and why. Append-only: a trigger refuses change and removal."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    at = fields.DatetimeField(auto_now_add=True)
    actor_kind = fields.CharField(max_length=20)
    actor_id = fields.CharField(max_length=80)
    action = fields.CharField(max_length=80)
    subject = fields.CharField(max_length=120)
    reason = fields.CharField(max_length=500, null=True)
    details: dict[str, object] = fields.JSONField(default=dict)

    class Meta:
        table = "core_audit_entry"
        indexes = [("subject", "id")]


class IdempotentAnswer(Model):
    """The answer that a write gave for an Idempotency-Key, kept in the write's own transaction."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    actor = fields.CharField(max_length=120)
    key = fields.CharField(max_length=128)
    fingerprint = fields.BinaryField()
    status = fields.IntField(default=0)
    headers: dict[str, str] = fields.JSONField(default=dict)
    body = fields.BinaryField(default=b"")
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "core_idempotent_answer"
        indexes = [("created_at",)]
        unique_together = (("actor", "key"),)

"""Tables of the registry."""

from typing import Any

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model

from app_server.kernel.ids import uuid7
from app_server.registry.lifecycle import State


class Organisation(Model):
    """A bureau, a public utility or a company that publishes mini-apps."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    name = fields.CharField(max_length=120, unique=True)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "registry_organisation"


class Listing(Model):
    """A mini-app's place in the city: its state, where its server is, its keys, and the release residents get.

    `version` grows with every change; caches and ETags go by it.
    """

    id = fields.UUIDField(primary_key=True, default=uuid7)
    app_id = fields.CharField(max_length=30, unique=True)
    organisation: fields.ForeignKeyRelation[Organisation] = fields.ForeignKeyField(
        "core.Organisation", related_name="listings", on_delete=fields.RESTRICT
    )
    organisation_id: Any
    state = fields.CharEnumField(State, max_length=20, default=State.DRAFT)
    state_before_suspension = fields.CharEnumField(State, max_length=20, null=True)
    state_reason = fields.CharField(max_length=500, null=True)
    endpoint = fields.CharField(max_length=255)
    public_keys: list[dict[str, Any]] = fields.JSONField()
    published_release_id = fields.UUIDField(null=True)
    version = fields.IntField(default=1)
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "registry_listing"


class Release(Model):
    """One manifest that a provider handed in. It never changes; a new one is a new release."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    listing: fields.ForeignKeyRelation[Listing] = fields.ForeignKeyField(
        "core.Listing", related_name="releases", on_delete=fields.RESTRICT
    )
    listing_id: Any
    number = fields.IntField()
    manifest: dict[str, Any] = fields.JSONField()
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "registry_release"
        unique_together = (("listing", "number"),)


class ListingEvent(Model):
    """What was done to a listing, by whom and why: its history, in the order of `at`."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    listing: fields.ForeignKeyRelation[Listing] = fields.ForeignKeyField(
        "core.Listing", related_name="events", on_delete=fields.RESTRICT
    )
    listing_id: Any
    at = fields.DatetimeField()
    actor_kind = fields.CharField(max_length=20)
    actor_id = fields.CharField(max_length=80)
    action = fields.CharField(max_length=40)
    reason = fields.CharField(max_length=500, null=True)

    class Meta:
        table = "registry_listing_event"


class UsageMinute(Model):
    """The calls to one mini-app in one minute, from all processes; `histogram` as in `latency`."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    app_id = fields.CharField(max_length=30)
    minute = fields.DatetimeField()
    calls = fields.BigIntField()
    errors = fields.BigIntField()
    histogram = ArrayField(element_type="bigint")

    class Meta:
        table = "registry_usage_minute"
        indexes = [("minute",)]
        unique_together = (("app_id", "minute"),)

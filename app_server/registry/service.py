"""What is done to listings: registering, suspending, lifting."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from banyan_sdk import manifest as manifests

from app_server.identity.service import FIRST_PARTY
from app_server.kernel.audit import audit
from app_server.kernel.clock import Clock
from app_server.kernel.events import Event, record
from app_server.kernel.jwks import mistake_in
from app_server.kernel.redis import Redis
from app_server.kernel.unit_of_work import after_commit, in_unit_of_work
from app_server.registry.events import ListingLifted, ListingSuspended
from app_server.registry.lifecycle import Action, NotAllowedNow, Standing, after
from app_server.registry.models import Listing, ListingEvent, Organisation, Release
from app_server.registry.problems import ListingActionNotPossible, ManifestNotAccepted, MiniAppUnknown
from app_server.registry.published import CHANNEL

CheckVersion = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """Who acts: the kind of person or program, and which one."""

    kind: str
    id: str


class Decision(Protocol):
    """`suspend` or `lift`."""

    def __call__(
        self, app_id: str, *, reason: str, by: By, clock: Clock, redis: Redis, check_version: CheckVersion
    ) -> Coroutine[Any, Any, int]:
        """Decide; the listing's new version."""


@in_unit_of_work
async def found_organisation(name: str) -> UUID:
    """The id of the organisation with this name, which is made if there is none."""
    organisation, _ = await Organisation.get_or_create(name=name)
    return organisation.id


@in_unit_of_work
async def register_listing(
    *,
    manifest: Mapping[str, Any],
    public_keys: Sequence[Mapping[str, Any]],
    endpoint: str,
    organisation_id: UUID,
    by: By,
    clock: Clock,
    redis: Redis | None = None,
) -> None:
    """Install a mini-app of the operator's own, or bring one that is there up to date. Doing it twice changes nothing;
    what changes is in the history and the audit.

    A manifest that differs from the published one becomes a new release. A suspended listing stays suspended. Raises
    `manifest_not_accepted`.
    """
    findings = manifests.check(manifest)
    if errors := [finding for finding in findings if finding.severity is manifests.Severity.ERROR]:
        raise ManifestNotAccepted("; ".join(f"{f.pointer or '/'}: {f.message} {f.mend}" for f in errors))
    if mistake := mistake_in(public_keys):
        raise ManifestNotAccepted(mistake)
    keys = [dict(key) for key in public_keys]
    app_id = str(manifest["app_id"])
    if app_id == FIRST_PARTY:
        raise ManifestNotAccepted(f"{app_id} is the resident app's own client id. Choose another app_id.")
    # Two starts at once meet at the unique app_id: the second waits here for the first.
    listing, is_new = await Listing.get_or_create(
        {"organisation_id": organisation_id, "endpoint": endpoint, "public_keys": keys},
        app_id=app_id,
    )
    listing = await Listing.select_for_update().get(id=listing.id)
    release = await Release.get_or_none(id=listing.published_release_id) if listing.published_release_id else None
    changes = []
    if release is None or release.manifest != manifest:
        number = await Release.filter(listing_id=listing.id).count() + 1
        release = await Release.create(listing_id=listing.id, number=number, manifest=dict(manifest))
        listing.published_release_id = release.id
        changes.append(f"release {number}")
    if listing.endpoint != endpoint:
        listing.endpoint = endpoint
        changes.append("endpoint")
    if listing.public_keys != keys:
        listing.public_keys = keys
        changes.append("keys")
    if not changes:
        return
    for change in changes:
        await _write_history(listing, change, by, clock(), None)
    if is_new:
        await _move(listing, Action.INSTALL, by, clock(), None)
    await audit(
        by.kind,
        by.id,
        "listing.installed" if is_new else "listing.changed",
        f"app:{app_id}",
        details={
            "changes": changes,
            "release": release.number,
            "endpoint": endpoint,
            "kids": [key["kid"] for key in keys],
        },
    )
    await _save(listing, redis)


@in_unit_of_work
async def suspend(
    app_id: str, *, reason: str, by: By, clock: Clock, redis: Redis, check_version: CheckVersion = lambda version: None
) -> int:
    """Stop a mini-app for everybody within five seconds; its new version. `check_version` may refuse the one it has.

    Raises `miniapp_unknown`, `listing_action_not_possible`.
    """
    event = ListingSuspended(app_id=app_id, reason=reason)
    return await _decide(app_id, Action.SUSPEND, event, reason, by, clock, redis, check_version)


@in_unit_of_work
async def lift(
    app_id: str, *, reason: str, by: By, clock: Clock, redis: Redis, check_version: CheckVersion = lambda version: None
) -> int:
    """Let a suspended mini-app run again, in the state it had; its new version. As `suspend` otherwise."""
    event = ListingLifted(app_id=app_id, reason=reason)
    return await _decide(app_id, Action.LIFT, event, reason, by, clock, redis, check_version)


async def _decide(
    app_id: str,
    action: Action,
    event: Event,
    reason: str,
    by: By,
    clock: Clock,
    redis: Redis,
    check_version: CheckVersion,
) -> int:
    listing = await Listing.select_for_update().get_or_none(app_id=app_id)
    if listing is None:
        raise MiniAppUnknown()
    check_version(listing.version)
    before = listing.state
    try:
        await _move(listing, action, by, clock(), reason)
    except NotAllowedNow as refused:
        raise ListingActionNotPossible(str(refused), state=refused.state) from None
    listing.state_reason = reason if action is Action.SUSPEND else None
    await audit(
        by.kind,
        by.id,
        event.name.replace("_", ".", 1),
        f"app:{app_id}",
        reason=reason,
        details={"from": before, "to": listing.state},
    )
    await record(event)
    await _save(listing, redis)
    return listing.version


async def _move(listing: Listing, action: Action, by: By, at: datetime, reason: str | None) -> None:
    standing = after(Standing(listing.state, listing.state_before_suspension), action)
    listing.state = standing.state
    # Tortoise types a nullable enum column as the enum itself.
    listing.state_before_suspension = standing.before_suspension  # type: ignore[assignment]
    await _write_history(listing, action, by, at, reason)


async def _write_history(listing: Listing, action: str, by: By, at: datetime, reason: str | None) -> None:
    await ListingEvent.create(
        listing_id=listing.id, at=at, actor_kind=by.kind, actor_id=by.id, action=action, reason=reason
    )


async def _save(listing: Listing, redis: Redis | None) -> None:
    listing.version += 1
    await listing.save()
    if redis:
        after_commit(lambda: redis.publish(CHANNEL, listing.app_id))

"""Registering mini-apps, and how every process learns of what changes."""

import asyncio
import json
from functools import partial
from typing import Any

import pytest
from banyan_sdk.manifest import RequestedScope

from app_server.kernel.problems import TemporarilyUnavailable
from app_server.registry import published, service
from app_server.registry.lifecycle import State
from app_server.registry.problems import ListingActionNotPossible, ManifestNotAccepted, MiniAppUnknown
from app_server.registry.published import Listings, listings
from tests.city import City
from tests.gateway.neighbours import eventually
from tests.manifests import manifest
from tests.registry.listings import JWK, SEED, register

OPERATOR = service.By(kind="operator", id="op-1")
SCOPE = {
    "scope": "cards:issue",
    "purpose": {"en": "to give you a card", "zh-CN": "发卡"},
    "legal_basis": {"en": "consent", "zh-CN": "同意"},
    "retention": {"en": "a year", "zh-CN": "一年"},
}
CARD = {
    "type": "library-card",
    "title": {"en": "Library card", "zh-CN": "借书证"},
    "fields": [{"name": "holder_name", "label": {"en": "Name", "zh-CN": "姓名"}}],
    "disclose": {"desk": ["holder_name"]},
}


async def test_a_registered_mini_app_is_open_and_its_manifest_answers_by_name(city: City) -> None:
    await register(city, scopes=[SCOPE], cards=[CARD])
    found = listings(city.state).get("library")
    assert found is not None
    assert found.open
    assert isinstance(found.scope("cards:issue"), RequestedScope)
    card = found.card_type("library-card")
    assert card is not None
    assert card.disclose == {"desk": ["holder_name"]}
    assert (found.scope("notices:send"), found.card_type("other"), found.notice("other")) == (None, None, None)
    assert found.title("en") == "Fuzhou Library"
    client = city.state["ports"].clients.find("library")
    assert client is not None
    assert client.origin == "http://library.localhost:8000"
    assert list(client.public_keys) == ["library-1"]
    assert [asked.scope for asked in client.scopes] == ["cards:issue"]


async def test_registering_twice_changes_nothing_and_a_new_manifest_is_a_new_release(city: City) -> None:
    await register(city)
    first = listings(city.state).get("library")
    await asyncio.gather(*(register(city) for _ in range(5)))
    assert listings(city.state).get("library") is first
    await register(city, description={"en": "More books", "zh-CN": "更多书"})
    assert [row["number"] for row in await city.rows("SELECT number FROM registry_release ORDER BY id")] == [1, 2]
    renewed = listings(city.state).get("library")
    assert renewed is not None
    assert renewed.manifest.about("en") == "More books"
    await register(city, description={"en": "More books", "zh-CN": "更多书"}, endpoint="http://127.0.0.1:10")
    assert len(await city.rows("SELECT 1 FROM registry_release")) == 2


async def test_each_change_of_release_endpoint_and_keys_is_in_the_history_and_the_audit(city: City) -> None:
    await register(city)
    await register(city, endpoint="http://127.0.0.1:10")
    await register(city, endpoint="http://127.0.0.1:10", keys=[{**JWK, "kid": "library-2"}])
    await register(city)  # back in its place, with its first key
    await register(city)
    history = await city.rows("SELECT action FROM registry_listing_event ORDER BY at")
    assert [row["action"] for row in history] == [
        *("release 1", "install"),
        "endpoint",
        "keys",
        *("endpoint", "keys"),
    ]
    audited = await city.rows("SELECT actor_id, action, subject, details::text FROM core_audit_entry ORDER BY id")
    assert {(row["actor_id"], row["subject"]) for row in audited} == {("seed", "app:library")}
    assert [(row["action"], json.loads(row["details"])) for row in audited] == [
        (action, {"changes": changes, "release": 1, "endpoint": f"http://127.0.0.1:{port}", "kids": [kid]})
        for action, changes, port, kid in [
            ("listing.installed", ["release 1"], 9, "library-1"),
            ("listing.changed", ["endpoint"], 10, "library-1"),
            ("listing.changed", ["keys"], 10, "library-2"),
            ("listing.changed", ["endpoint", "keys"], 9, "library-1"),
        ]
    ]


async def test_many_first_starts_at_once_make_one_listing(city: City) -> None:
    await asyncio.gather(*(register(city) for _ in range(6)))
    assert len(await city.rows("SELECT 1 FROM registry_listing")) == 1
    assert len(await city.rows("SELECT 1 FROM registry_release")) == 1


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [{**JWK, "kid": ""}],
        [JWK, JWK],
        [{**JWK, "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}],
        [{**JWK, "crv": "Ed448"}],
        [{**JWK, "x": "short"}],
        [{"kty": "EC", "crv": "P-256", "kid": "a", "x": "AAAA", "y": "AAAA"}],
        [{"kty": "oct", "kid": "a", "k": "AAAA"}],
    ],
)
async def test_keys_that_are_not_public_keys_are_not_registered(city: City, keys: Any) -> None:
    organisation_id = await service.found_organisation("A")
    with pytest.raises(ManifestNotAccepted):
        await service.register_listing(
            manifest=manifest(),
            public_keys=keys,
            endpoint="http://127.0.0.1:9",
            organisation_id=organisation_id,
            by=SEED,
            clock=city.clock,
        )
    assert await city.rows("SELECT 1 FROM registry_listing") == []


async def test_a_manifest_with_errors_is_refused_with_where_and_how_to_mend(city: City) -> None:
    broken = manifest()
    del broken["version"]
    with pytest.raises(ManifestNotAccepted, match="/version"):
        await register(city, document=broken)


def stands(held: Listings, state: State) -> bool:
    found = held.get("library")
    return found is not None and found.state is state


async def test_suspending_reaches_another_process_within_five_seconds_and_lifting_too(city: City) -> None:
    await register(city)
    other = Listings()
    await other.start(city.state["redis"])
    try:
        assert other.get("library") is not None
        for act, state in ((service.suspend, State.SUSPENDED), (service.lift, State.ONLINE)):
            await act("library", reason="a reason", by=OPERATOR, clock=city.clock, redis=city.state["redis"])
            await eventually(partial(stands, other, state), within=5)
            found = other.get("library")
            assert found is not None
            assert found.state_reason == ("a reason" if state is State.SUSPENDED else None)
    finally:
        await other.stop()


async def test_without_postgresql_the_last_good_listings_stay(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    await register(city)
    held = Listings()
    await held.refresh()

    async def away(*_: object) -> list[object]:
        raise ConnectionError

    monkeypatch.setattr(published, "fetch", away)
    await held._look()
    assert held.get("library") is not None


async def test_a_process_that_has_not_read_the_listings_yet_calls_none_of_them_unknown(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    await register(city)
    held = Listings()

    async def away(*_: object) -> list[object]:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(published, "fetch", away)
        await held._look()
        with pytest.raises(TemporarilyUnavailable):
            held.get("library")
        with pytest.raises(TemporarilyUnavailable):
            held.open()
    await held._look()
    assert held.get("library") is not None
    assert held.get("nowhere") is None


async def test_a_listing_whose_manifest_no_longer_reads_does_not_hold_up_the_others(city: City) -> None:
    await register(city)
    await register(city, "transit")
    await city.execute(
        "UPDATE registry_release SET manifest = '{}' FROM registry_listing l"
        " WHERE l.published_release_id = registry_release.id AND l.app_id = 'library'"
    )
    held = Listings()
    await held.refresh()
    assert (held.get("library"), held.get("transit") is not None) == (None, True)


async def test_an_emergency_stop_reaches_a_process_that_cannot_read_the_newest_manifest(city: City) -> None:
    await register(city)
    held = Listings()
    await held.refresh()
    await city.execute("UPDATE registry_release SET manifest = '{}'")
    await service.suspend("library", reason="fees", by=OPERATOR, clock=city.clock, redis=city.state["redis"])
    await held.refresh()
    library = held.get("library")
    assert library is not None
    assert (library.open, library.state_reason, library.title("en")) == (False, "fees", "Fuzhou Library")


async def test_a_state_that_only_a_newer_banyan_knows_opens_nothing_and_holds_up_nobody(city: City) -> None:
    await register(city)
    await register(city, "transit")
    held = Listings()
    await city.execute("UPDATE registry_listing SET state = 'hibernating' WHERE app_id = 'library'")
    await held.refresh()
    assert [listing.app_id for listing in held.open()] == ["transit"]


async def test_a_decision_is_in_the_history_the_audit_and_the_outbox_or_nowhere(city: City) -> None:
    await register(city)
    for _ in range(2):
        decisions = [
            service.suspend("library", reason="fees", by=OPERATOR, clock=city.clock, redis=city.state["redis"])
            for _ in range(4)
        ]
        results = await asyncio.gather(*decisions, return_exceptions=True)
        refused = [result for result in results if isinstance(result, ListingActionNotPossible)]
        await register(city)  # a start of the bundled mini-apps does not lift a suspension
        held = listings(city.state).get("library")
        assert held is not None
        assert held.state is State.SUSPENDED
        assert len(refused) in (3, 4)
    audited = await city.rows("SELECT action, subject, reason, details FROM core_audit_entry ORDER BY id")
    assert [(row["action"], row["subject"], row["reason"]) for row in audited] == [
        ("listing.installed", "app:library", None),
        ("listing.suspended", "app:library", "fees"),
    ]
    assert [row["action"] for row in await city.rows("SELECT action FROM registry_listing_event ORDER BY at")] == [
        "release 1",
        "install",
        "suspend",
    ]
    events = await city.rows("SELECT name FROM core_outbox_event WHERE name LIKE 'listing%'")
    assert [row["name"] for row in events] == ["listing_suspended"]
    assert city.state["ports"].clients.find("library") is None
    with pytest.raises(MiniAppUnknown):
        await service.lift("nobody", reason="none", by=OPERATOR, clock=city.clock, redis=city.state["redis"])


async def test_a_mini_app_cannot_call_itself_as_the_resident_app_does(city: City) -> None:
    organisation_id = await service.found_organisation("A")
    with pytest.raises(ManifestNotAccepted, match="resident app"):
        await service.register_listing(
            manifest={**manifest(), "app_id": "banyan"},
            public_keys=[JWK],
            endpoint="http://127.0.0.1:9",
            organisation_id=organisation_id,
            by=SEED,
            clock=city.clock,
        )

"""The catalogue, the operator's desk and the provider's portal, called by each kind of person."""

from datetime import timedelta
from typing import Any

import pytest

from app_server.identity import service as identity
from app_server.kernel.schemas import encode_cursor
from app_server.registry import usage
from app_server.registry.latency import SIZE, bucket
from app_server.registry.module import forget_old_usage
from app_server.registry.usage import MinuteOfCalls
from tests.actors import Person
from tests.city import City
from tests.manifests import manifest
from tests.registry.listings import register


@pytest.fixture
async def operator(city: City) -> Person:
    return await city.person("+8613800000009", name="王运营", roles=("operator",))


async def provider(city: City, organisation_id: Any) -> Person:
    phone = "+8613800000008"
    await identity.register_person(
        phone, name="陈提供", roles=["provider"], organisation_id=organisation_id, keys=city.state["keys"]
    )
    person = Person(city, phone)
    await person.sign_in()
    return person


async def test_a_resident_finds_a_mini_app_in_either_language_and_pages_through_many(city: City) -> None:
    await register(city)
    for number in range(5):
        await register(city, f"app-{number}", name={"en": f"Thing {number}", "zh-CN": f"东西{number}"})
    async with city.browser(**{"accept-language": "en"}) as browser:
        for wanted in ("library", "图书", "CULTURE", "borrow books", "ｌｉｂｒａｒｙ"):
            found = (await browser.get("/v1/miniapps", params={"q": wanted})).json()["items"]
            assert "library" in [item["app_id"] for item in found], wanted
        assert (await browser.get("/v1/miniapps", params={"q": "nothing like it"})).json()["items"] == []
        first = (await browser.get("/v1/miniapps?limit=4")).json()
        second = (await browser.get("/v1/miniapps", params={"limit": 4, "cursor": first["next"]})).json()
        together = [item["app_id"] for item in first["items"] + second["items"]]
        assert together == ["app-0", "app-1", "app-2", "app-3", "app-4", "library"]
        assert second["next"] is None
        item = second["items"][-1]
        assert item == {
            "app_id": "library",
            "name": "Fuzhou Library",
            "description": "Borrow books",
            "sector": "public",
            "sponsor": "Bureau of Culture",
            "icon_url": item["icon_url"],
            "origin": "http://library.localhost:8000",
        }
        chinese = (await browser.get("/v1/miniapps", headers={"accept-language": "zh-CN"})).json()["items"][-1]
        assert chinese["name"] == "福州市图书馆"
        for cursor in ("zzz", encode_cursor(city.clock()), encode_cursor("library", 1)):
            foreign = await browser.get("/v1/miniapps", params={"cursor": cursor})
            assert (foreign.status_code, foreign.json()["code"]) == (400, "bad_cursor")


DESK = ["/v1/operator/listings", "/v1/operator/listings/library", "/v1/operator/audit"]
PORTAL = ["/v1/provider/listings", "/v1/provider/listings/library"]


async def test_each_kind_of_person_on_the_desks_and_the_portals_addresses(city: City, operator: Person) -> None:
    organisation_id = await register(city)
    mine = await provider(city, organisation_id)
    resident = await city.person()
    async with city.browser() as nobody:
        for path in DESK:
            answers = [(await person.get(path)).status_code for person in (operator, mine, resident, nobody)]
            assert answers == [200, 403, 403, 401], path
        for path in PORTAL:
            answers = [(await person.get(path)).status_code for person in (operator, mine, resident, nobody)]
            assert answers == [403, 200, 403, 401], path
        for act in ("suspension", "lift"):
            path = f"/v1/operator/listings/library/{act}"
            answers = [
                (await person.post(path, json={"reason": "because"})).status_code
                for person in (mine, resident, nobody, operator)
            ]
            assert answers == [403, 403, 401, 200], path
        checks = [
            (await person.post("/v1/provider/manifest-checks", json={"manifest": {}})).status_code
            for person in (operator, mine, resident, nobody)
        ]
        assert checks == [403, 200, 403, 401]


async def test_a_provider_sees_their_own_listings_and_nobody_elses(city: City) -> None:
    organisation_id = await register(city)
    await register(city, "transit", organisation="Bus Company")
    mine = await provider(city, organisation_id)
    assert [item["app_id"] for item in (await mine.get("/v1/provider/listings")).json()["items"]] == ["library"]
    assert (await mine.get("/v1/provider/listings/library")).status_code == 200
    assert (await mine.get("/v1/provider/listings/transit")).json()["code"] == "miniapp_unknown"


async def test_an_operator_suspends_with_a_reason_and_lifts_again(city: City, operator: Person) -> None:
    await register(city)
    shown = await operator.get("/v1/operator/listings/library")
    assert shown.json()["manifest"]["app_id"] == "library"
    assert "suspend" in shown.json()["actions"]
    path = "/v1/operator/listings/library"
    paused = await operator.post(
        f"{path}/suspension", json={"reason": "Wrong fees"}, headers={"if-match": shown.headers["etag"]}
    )
    assert (paused.status_code, paused.json()["state"], paused.json()["state_reason"]) == (
        200,
        "suspended",
        "Wrong fees",
    )
    late = await operator.post(f"{path}/lift", json={"reason": "fine"}, headers={"if-match": shown.headers["etag"]})
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    again = await operator.post(f"{path}/suspension", json={"reason": "Wrong fees"})
    assert (again.status_code, again.json()["code"]) == (409, "listing_action_not_possible")
    lifted = await operator.post(
        f"{path}/lift", json={"reason": "Mended"}, headers={"if-match": paused.headers["etag"]}
    )
    assert lifted.json()["state"] == "online"
    history = lifted.json()["history"]
    assert [(entry["action"], entry["reason"]) for entry in history[:2]] == [
        ("lift", "Mended"),
        ("suspend", "Wrong fees"),
    ]
    assert history[0]["actor"] == f"operator:{operator.id}"
    audit = (await operator.get("/v1/operator/audit?action=listing&subject=app:library")).json()["items"]
    assert [entry["action"] for entry in audit] == ["listing.lifted", "listing.suspended", "listing.installed"]
    assert (await operator.get("/v1/operator/audit?action=listing.lifted")).json()["items"] == audit[:1]
    page = (await operator.get("/v1/operator/audit?action=listing&limit=1")).json()
    rest = (await operator.get(f"/v1/operator/audit?action=listing&cursor={page['next']}")).json()
    assert page["items"] + rest["items"] == audit


@pytest.mark.parametrize("reason", ["", "  ", "x", "y" * 501, None, 7])
async def test_a_decision_without_a_reason_is_refused_and_names_the_field(
    city: City, operator: Person, reason: Any
) -> None:
    await register(city)
    answer = await operator.post("/v1/operator/listings/library/suspension", json={"reason": reason})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/reason"
    assert (await operator.post("/v1/operator/listings/none/suspension", json={"reason": "abc"})).status_code == 404


async def test_the_desk_shows_the_calls_errors_and_p95_of_all_processes(city: City, operator: Person) -> None:
    await register(city)
    now = city.clock()
    minute = now.replace(second=0, microsecond=0)
    fast, slow = [0] * SIZE, [0] * SIZE
    fast[bucket(20)], slow[bucket(400)] = 90, 10
    counted = [
        MinuteOfCalls(app_id="library", minute=minute, calls=90, errors=0, histogram=fast),
        MinuteOfCalls(app_id="library", minute=minute, calls=10, errors=7, histogram=slow),
        MinuteOfCalls(app_id="library", minute=minute - timedelta(minutes=59), calls=1, errors=1, histogram=[0] * SIZE),
        MinuteOfCalls(app_id="library", minute=minute - timedelta(minutes=60), calls=5, errors=5, histogram=[0] * SIZE),
    ]
    for one in counted:
        await usage.add([one])
    shown = (await operator.get("/v1/operator/listings")).json()["items"][0]
    assert (shown["calls"], shown["errors"]) == (101, 8)
    assert 300 < shown["p95_ms"] <= 400
    assert (shown["spark"][0], shown["spark"][-1], len(shown["spark"])) == (1, 100, 60)


async def test_old_minutes_are_forgotten_and_recent_ones_are_not(city: City) -> None:
    now = city.clock().replace(second=0, microsecond=0)
    for age in (timedelta(days=30), timedelta(days=32)):
        await usage.add([MinuteOfCalls(app_id="library", minute=now - age, calls=1, errors=0, histogram=[0] * SIZE)])
    await forget_old_usage({}, state=city.state)
    kept = await city.rows("SELECT minute FROM registry_usage_minute")
    assert [row["minute"] for row in kept] == [now - timedelta(days=30)]


async def test_a_provider_gets_every_finding_at_once_whatever_they_send(city: City) -> None:
    mine = await provider(city, await register(city))
    document = manifest()
    del document["version"]
    document["banyan"]["sector"] = "secret"
    findings = (await mine.post("/v1/provider/manifest-checks", json={"manifest": document})).json()["findings"]
    assert {"/version", "/banyan/sector"} <= {finding["pointer"] for finding in findings}
    assert all(finding["mend"] for finding in findings)
    oddities: list[Any] = [None, 7, [], "x", {"banyan": []}, {"app_id": {"a": [1]}}]
    for odd in oddities:
        answer = await mine.post("/v1/provider/manifest-checks", json={"manifest": odd})
        assert answer.status_code == 200
        assert answer.json()["findings"]


async def test_a_cursor_of_another_list_is_refused(city: City, operator: Person) -> None:
    for number in range(2):
        await register(city, f"app-{number}")
    other = (await operator.get("/v1/operator/listings?limit=1")).json()["next"]
    assert (await operator.get(f"/v1/operator/audit?cursor={other}")).json()["code"] == "bad_cursor"

"""The demo city: real districts, and planting it twice changes nothing."""

from pathlib import Path

import pytest

from app_server import seed
from app_server.kernel.settings import Mode, Settings, SettingsError
from app_server.kernel.unit_of_work import fetch, fetchrow
from app_server.process import process
from tests.city import City


def test_every_district_of_the_standard_has_an_english_name() -> None:
    districts = seed.districts()
    assert [code for code, _, _ in districts] == sorted(seed.ENGLISH)
    assert ("350102", "鼓楼区", "Gulou District") in districts
    assert len(districts) == 13


def test_the_key_of_a_bundled_app_is_its_own_secret(tmp_path: Path) -> None:
    (library,) = [app for app in seed.bundled_apps(tmp_path) if app.app_id == "library"]
    first = seed.app_key(library)
    assert library.key_file.stat().st_mode & 0o777 == 0o600
    assert seed.app_key(library).public_jwk() == first.public_jwk()


async def test_planting_twice_changes_nothing_but_the_readers_code(
    city: City, settings: Settings, tmp_path: Path
) -> None:
    endpoints = {"library": "http://127.0.0.1:9"}
    counts = """SELECT (SELECT count(*) FROM core_district) districts, (SELECT count(*) FROM core_resident) people,
                (SELECT count(*) FROM card_wallet_verifier) readers, (SELECT count(*) FROM registry_release) releases"""
    first = await seed.seed(settings, endpoints, tmp_path)
    async with process(settings):
        planted = await fetchrow(counts)
    second = await seed.seed(settings, endpoints, tmp_path)
    async with process(settings):
        assert await fetchrow(counts) == planted
        (listing,) = await fetch("SELECT app_id, state, endpoint FROM registry_listing")
    assert planted is not None
    assert dict(planted) == {"districts": 13, "people": 3, "readers": 1, "releases": 1}
    assert dict(listing) == {"app_id": "library", "state": "online", "endpoint": "http://127.0.0.1:9"}
    assert first.enrolment_code != second.enrolment_code


async def test_a_mini_app_that_moved_is_found_at_its_new_place(city: City, settings: Settings, tmp_path: Path) -> None:
    for port in (9, 10):
        await seed.seed(settings, {"library": f"http://127.0.0.1:{port}"}, tmp_path)
    async with process(settings):
        (listing,) = await fetch("SELECT endpoint FROM registry_listing")
    assert listing["endpoint"] == "http://127.0.0.1:10"


async def test_a_real_city_is_not_planted_and_gets_its_first_operator_by_number(
    city: City, settings: Settings, tmp_path: Path
) -> None:
    real = settings.model_copy(update={"mode": Mode.PRODUCTION})
    with pytest.raises(SettingsError, match="--operator"):
        await seed.seed(real, {}, tmp_path)
    with pytest.raises(SettingsError, match="not a mobile number"):
        await seed.first_operator(real, "12345")
    for _ in range(2):
        assert (
            await seed.first_operator(real, "139 0000 0055")
            == "139****0055 may sign in to http://localhost:8000/console."
        )
    async with process(settings):
        assert [row["roles"] for row in await fetch("SELECT roles FROM core_resident")] == ['["operator"]']
        assert len(await fetch("SELECT 1 FROM core_audit_entry WHERE action = 'operator.made'")) == 1

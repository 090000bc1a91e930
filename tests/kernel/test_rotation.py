"""Rotation: by hand and when due, once, audited, and told plainly where the file cannot be written."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from app_server.kernel.crypto import KeyRing
from app_server.kernel.key_file import KeyFile
from app_server.kernel.rotation import rotate, rotate_when_due
from app_server.kernel.settings import Settings
from app_server.worker import fire
from tests.city import City, open_city


@pytest.fixture
async def own(city: City, tmp_path: Path) -> AsyncIterator[City]:
    """A city with a key file of this test alone."""
    settings = city.settings.model_copy(update={"key_file": tmp_path / "keys.json"})
    KeyRing.create(settings.key_file, city.clock())
    async with open_city(settings) as opened:
        yield opened


def kids(settings: Settings) -> list[str]:
    return [key.kid for key in KeyFile.read(settings.key_file).signing]


async def entries(city: City) -> list[tuple[str, str, str]]:
    return [tuple(row) for row in await city.rows("SELECT actor_id, action, subject FROM core_audit_entry ORDER BY id")]


async def test_a_rotation_stands_in_the_audit_without_secrets(own: City) -> None:
    key = await rotate(own.settings, own.clock(), by="banyan keys rotate", sealing=True)
    assert key is not None
    assert await entries(own) == [("banyan keys rotate", "keys.rotated", f"signing_key:{key.kid}")]
    details = str((await own.rows("SELECT details FROM core_audit_entry"))[0]["details"])
    sealing = KeyFile.read(own.settings.key_file).sealing[0]
    assert sealing.id.hex() in details
    assert KeyFile.read(own.settings.key_file).document["sealing"][0]["key"] not in details


async def test_of_many_who_rotate_at_once_one_does(own: City) -> None:
    done = await asyncio.gather(*(rotate(own.settings, own.clock(), by=f"{n}", sealing=bool(n % 2)) for n in range(8)))
    assert len([key for key in done if key is not None]) == len(await entries(own)) == 1
    assert len(kids(own.settings)) == 2


async def test_the_worker_rotates_the_signing_key_when_it_has_its_age(own: City) -> None:
    before = KeyFile.read(own.settings.key_file)
    await rotate_when_due({}, state=own.state)
    assert kids(own.settings) == [key.kid for key in before.signing]
    own.clock.ahead = timedelta(days=own.settings.signing_key_days)
    due = own.clock()
    assert [await fire("rotate_keys", due) for _ in range(3)] == [True, False, False]
    await own.work()
    after = KeyFile.read(own.settings.key_file)
    assert [key.kid for key in after.signing[1:]] == [key.kid for key in before.signing]
    assert [key.id for key in after.sealing] == [key.id for key in before.sealing], "a person rotates what seals"
    await rotate_when_due({}, state=own.state)
    assert [action for _, action, _ in await entries(own)] == ["keys.rotated"]


async def test_where_rotation_is_by_hand_the_worker_leaves_the_file_alone(own: City) -> None:
    own.state["settings"] = own.settings.model_copy(update={"signing_key_days": 0})
    own.clock.ahead = timedelta(days=1000)
    await rotate_when_due({}, state=own.state)
    assert len(kids(own.settings)) == 1


async def test_a_file_that_cannot_be_replaced_is_told_and_nothing_stands_in_the_audit(
    own: City, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(KeyFile, "replace", refuse)  # a directory without the right to write does not stop root
    own.clock.ahead = timedelta(days=91)
    caplog.set_level(logging.ERROR)
    await rotate_when_due({}, state=own.state)
    told = next(record for record in caplog.records if record.getMessage() == "keys_not_rotated")
    assert "BANYAN_SIGNING_KEY_DAYS=0" in str(vars(told)["ids"])
    assert await entries(own) == []
    assert len(kids(own.settings)) == 1


async def test_a_file_that_cannot_be_read_is_told(own: City, caplog: pytest.LogCaptureFixture) -> None:
    own.settings.key_file.write_text("{")
    await rotate_when_due({}, state=own.state)
    assert "keys_not_rotated" in [record.getMessage() for record in caplog.records]

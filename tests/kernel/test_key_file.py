"""The key file: made once, replaced as a whole, and refused with a remedy when it is not right."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app_server.kernel.key_file import KeyFile, KeyFileError
from app_server.kernel.key_times import HINTS, OVERLAP

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LEAD = timedelta(hours=1)


@pytest.fixture(scope="module")
def file() -> KeyFile:
    return KeyFile.new(NOW).rotated(NOW + LEAD, LEAD, sealing=True)


@pytest.fixture
def path(file: KeyFile, tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    assert file.create(path)
    return path


def test_a_key_file_is_made_once_and_closed_to_others(path: Path) -> None:
    before = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert not KeyFile.new(NOW).create(path)
    assert path.read_text() == before


def test_a_key_file_is_replaced_in_one_step_whatever_a_cut_has_left(file: KeyFile, path: Path) -> None:
    path.with_name("keys.json.new").write_text("half a")
    before = path.stat().st_ino
    new = file.rotated(NOW + 3 * LEAD, LEAD, sealing=False)
    new.replace(path)
    assert KeyFile.read(path).document == new.document
    assert (path.stat().st_mode & 0o777, path.stat().st_ino == before) == (0o600, False)
    assert list(path.parent.iterdir()) == [path]


def test_a_key_file_open_to_others_is_refused_with_the_remedy(path: Path, tmp_path: Path) -> None:
    path.chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod 600"):
        KeyFile.read(path)
    with pytest.raises(KeyFileError, match="banyan migrate"):
        KeyFile.read(tmp_path / "nothing.json")
    with pytest.raises(KeyFileError, match="cannot read"):
        KeyFile.read(tmp_path)


def test_a_rotation_keeps_what_still_verifies_and_every_key_that_sealed(file: KeyFile) -> None:
    assert [key.used_from for key in file.signing] == [NOW + 2 * LEAD, NOW]
    later = file.rotated(NOW + 2 * LEAD + OVERLAP, LEAD, sealing=False)
    assert [key.kid for key in later.signing[1:]] == [key.kid for key in file.signing], (
        "who comes back with an ID token is still known by it"
    )
    late = file.rotated(NOW + 2 * LEAD + HINTS, LEAD, sealing=False)
    assert [key.kid for key in late.signing[1:]] == [file.signing[0].kid]
    assert [key.id for key in late.sealing] == [key.id for key in file.sealing]
    assert (late.index, late.pairwise, late.gateway_kid) == (file.index, file.pairwise, file.gateway_kid)


def test_a_file_from_before_keys_had_a_time_is_understood(file: KeyFile) -> None:
    signing = [{**entry} for entry in file.document["signing"]]
    signing[0]["created_at"] = signing[1]["retired_at"] = (NOW + LEAD).isoformat()
    for entry in signing:
        del entry["used_from"]
    sealing = [entry["key"] for entry in file.document["sealing"]]
    old = KeyFile.of({**file.document, "signing": signing, "sealing": sealing})
    assert [key.used_from for key in old.signing] == [NOW + LEAD, NOW]
    assert [key.id for key in old.sealing] == [key.id for key in file.sealing]
    new = old.rotated(NOW + 5 * LEAD, LEAD, sealing=True)
    assert [key.id for key in new.sealing[1:]] == [key.id for key in file.sealing]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(end=st.floats(0, 1, exclude_max=True))
def test_a_half_written_file_is_refused(path: Path, end: float) -> None:
    whole = path.read_text()
    half = path.with_name("half.json")
    half.write_text(whole[: int(end * len(whole))])
    half.chmod(0o600)
    with pytest.raises(KeyFileError, match="backup"):
        KeyFile.read(half)


def _without(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda document: document.pop(name)


def _with(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda document: document.update({name: value})


NO_KEYS: list[object] = [[], "x", 1, [1], [{}], None]


@pytest.mark.parametrize(
    "spoil",
    [
        *(_without(name) for name in ("sealing", "signing", "index", "pairwise", "gateway")),
        *(_with(name, value) for name in ("sealing", "signing", "gateway") for value in NO_KEYS),
        _with("index", 7),
        _with("sealing", ["AAAA"]),
        lambda document: document.update(gateway=document["signing"]),
        lambda document: document.update(signing=document["gateway"]),
        lambda document: document["signing"][0].update(used_from="soon"),
        lambda document: document["signing"][0].update(pem=1),
    ],
)
def test_what_is_no_key_file_is_refused_without_repeating_it(
    file: KeyFile, tmp_path: Path, spoil: Callable[[dict[str, Any]], object]
) -> None:
    document = json.loads(json.dumps(file.document))
    spoil(document)
    path = tmp_path / "keys.json"
    path.touch(0o600)
    path.write_text(json.dumps(document))
    with pytest.raises(KeyFileError, match=r"not a Banyan key file. Restore it from its backup.$"):
        KeyFile.read(path)


def test_of_a_file_that_cannot_be_given_to_its_owner_no_draft_stays(
    file: KeyFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "getuid", lambda: path.stat().st_uid + 1)
    monkeypatch.setattr(os, "chown", refuse)
    with pytest.raises(PermissionError):
        file.replace(path)
    assert [found.name for found in path.parent.iterdir()] == [path.name]

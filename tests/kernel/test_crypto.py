"""Personal data at rest."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_server.kernel.crypto import SIGNING_OVERLAP, KeyFileError, KeyRing, SealBroken

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    assert KeyRing.create(path, NOW)
    return path


@pytest.fixture(scope="module")
def keys(key_file: Path) -> KeyRing:
    return KeyRing.load(key_file)


def test_a_key_file_is_made_once_and_closed_to_others(key_file: Path) -> None:
    before = key_file.read_text()
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert not KeyRing.create(key_file, NOW)
    assert key_file.read_text() == before


def test_a_key_file_open_to_others_is_refused_with_the_remedy(key_file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "keys.json"
    copy.write_text(key_file.read_text())
    copy.chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod 600"):
        KeyRing.load(copy)
    with pytest.raises(KeyFileError, match="banyan migrate"):
        KeyRing.load(tmp_path / "nothing.json")
    copy.write_text("{}")
    copy.chmod(0o600)
    with pytest.raises(KeyFileError, match="backup"):
        KeyRing.load(copy)


@given(text=st.text())
def test_what_is_sealed_opens_again_for_its_field_only(keys: KeyRing, text: str) -> None:
    sealed = keys.seal("resident.name", text)
    assert keys.open("resident.name", sealed) == text
    assert not text or text.encode() not in sealed or len(text) < 3
    with pytest.raises(SealBroken):
        keys.open("resident.phone", sealed)


@given(position=st.integers(min_value=0, max_value=31))
def test_an_altered_value_does_not_open(keys: KeyRing, position: int) -> None:
    sealed = bytearray(keys.seal("resident.name", "林"))
    sealed[position % len(sealed)] ^= 1
    with pytest.raises(SealBroken):
        keys.open("resident.name", bytes(sealed))


def test_the_same_text_never_looks_the_same_but_its_blind_index_does(keys: KeyRing) -> None:
    assert keys.seal("resident.phone", "1") != keys.seal("resident.phone", "1")
    assert keys.blind_index("resident.phone", "1") == keys.blind_index("resident.phone", "1")
    assert keys.blind_index("resident.phone", "1") != keys.blind_index("resident.name", "1")


def test_two_sectors_know_a_resident_by_different_subjects(keys: KeyRing) -> None:
    resident = uuid4()
    assert keys.pairwise("library", resident) == keys.pairwise("library", resident)
    assert keys.pairwise("library", resident) != keys.pairwise("transit", resident)
    assert keys.pairwise("library", resident) != keys.pairwise("library", uuid4())


def test_after_a_rotation_old_values_open_and_old_signatures_verify_until_the_overlap_ends(keys: KeyRing) -> None:
    sealed = keys.seal("resident.name", "林")
    rotated = KeyRing(json.loads(keys.rotated(NOW)))
    assert rotated.open("resident.name", sealed) == "林"
    assert rotated.blind_index("resident.phone", "1") == keys.blind_index("resident.phone", "1")
    assert rotated.seal("resident.name", "林")[:4] != sealed[:4]
    assert rotated.signing_key.kid != keys.signing_key.kid
    assert keys.signing_key.kid in {key["kid"] for key in rotated.public_jwks()["keys"]}
    late = KeyRing(json.loads(rotated.rotated(NOW + SIGNING_OVERLAP + timedelta(seconds=1))))
    assert keys.signing_key.kid not in {key["kid"] for key in late.public_jwks()["keys"]}
    assert late.open("resident.name", sealed) == "林"


def test_no_private_part_is_published(keys: KeyRing) -> None:
    for key in keys.public_jwks()["keys"]:
        assert "d" not in key

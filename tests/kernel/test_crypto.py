"""Personal data at rest."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_server.kernel.crypto import KeyRing, SealBroken

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    assert KeyRing.create(path, NOW)
    return path


@pytest.fixture(scope="module")
def keys(key_file: Path) -> KeyRing:
    return KeyRing.load(key_file)


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


def test_no_private_part_is_published(keys: KeyRing) -> None:
    for key in keys.public_jwks()["keys"]:
        assert "d" not in key

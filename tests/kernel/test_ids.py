"""Identifiers: unique, of the right version, and in the order of their making."""

import time
from collections.abc import Callable
from uuid import RFC_4122, UUID

import pytest

from app_server.kernel.ids import uuid7, uuid7_text


@pytest.mark.parametrize("made", [uuid7, lambda: UUID(uuid7_text())])
def test_an_identifier_is_a_version_7_uuid_of_its_moment(made: Callable[[], UUID]) -> None:
    before = time.time_ns() // 1_000_000
    found = [made() for _ in range(1000)]
    after = time.time_ns() // 1_000_000
    assert len(set(found)) == 1000
    for one in found:
        assert (one.version, one.variant) == (7, RFC_4122)
        assert before <= one.int >> 80 <= after


def test_the_text_is_the_canonical_one() -> None:
    text = uuid7_text()
    assert str(UUID(text)) == text

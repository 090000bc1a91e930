"""Faults: how much of them, by which dice, and the town they happen to."""

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.journal import Journal
from tests.faults.town import Town, town


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is done: the whole under `make soak`, a tenth otherwise."""

    whole: bool

    def of(self, number: int) -> int:
        """That many, or a tenth."""
        return number if self.whole else max(1, number // 10)


WHOLE = os.environ.get("BANYAN_SOAK", "") not in ("", "0")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here kills something, and waits for it."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.fault)
            if WHOLE:
                item.add_marker(pytest.mark.soak)


@pytest.fixture(scope="session")
def size() -> Size:
    """BANYAN_SOAK=1 asks for the whole."""
    return Size(whole=WHOLE)


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """Random choices that can be made again: a failure shows the seed, and BANYAN_SEED sets it."""
    seed = int(os.environ.get("BANYAN_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
    print(f"BANYAN_SEED={seed} repeats these choices")
    return random.Random(seed)


@pytest.fixture(scope="session")
def running_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """One town for all tests."""
    with town(tmp_path_factory.mktemp("town")) as built:
        yield built


@pytest.fixture
def the_town(running_town: Town) -> Iterator[Town]:
    """The town, whole again after each test. When one fails, what its processes said last stands in the report."""
    yield running_town
    print(running_town.last_words())
    running_town.mend()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """This test's own record of what was acknowledged."""
    opened = Journal(tmp_path / "acknowledged.jsonl")
    yield opened
    opened.close()

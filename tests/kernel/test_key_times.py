"""Which key signs, and which verify, at any time and after any rotations."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from app_server.kernel.key_file import KeyFile
from app_server.kernel.key_times import CACHED, OVERLAP, cached_for, gives_way, in_use, published

NOW = datetime(2026, 11, 22, tzinfo=UTC)
TOKEN_LIFE = timedelta(hours=1)  # the longest that settings allow
LEADS = st.integers(10, 604_800).map(lambda seconds: timedelta(seconds=seconds))
GAPS = st.lists(st.floats(0, 100, allow_nan=False).map(lambda hours: timedelta(hours=hours)), max_size=5)


def history(gaps: Sequence[timedelta], lead: timedelta) -> list[tuple[datetime, KeyFile]]:
    """Each key file of a city and since when it is there: the next rotation comes a gap after the last key's turn."""
    at, file = NOW, KeyFile.new(NOW)
    files = [(at, file)]
    for gap in gaps:
        at += lead + gap
        file = file.rotated(at, lead, sealing=True)
        files.append((at, file))
    return files


def file_at(files: list[tuple[datetime, KeyFile]], now: datetime) -> KeyFile:
    return [file for since, file in files if since <= now][-1]


@settings(max_examples=200)
@given(gaps=GAPS, lead=LEADS, after=st.floats(0, 1), age=st.floats(0, 1), late=st.floats(0, 0.5))
def test_every_token_verifies_as_long_as_it_lives_even_where_the_file_is_read_late(
    gaps: list[timedelta], lead: timedelta, after: float, age: float, late: float
) -> None:
    files = history(gaps, lead)
    now = NOW + (files[-1][0] + lead + timedelta(days=10) - NOW) * after
    signed = max(NOW, now - TOKEN_LIFE * age)
    signer = in_use(file_at(files, signed).signing, signed)
    behind = file_at(files, max(NOW, now - lead * late))
    assert signer.kid in {key.kid for key in published(behind.signing, now)}
    sealer = in_use(file_at(files, now).sealing, now)
    assert sealer.id in {key.id for key in behind.sealing}


@settings(max_examples=200)
@given(gaps=GAPS, lead=LEADS, after=st.floats(0, 1))
def test_a_key_that_signs_was_published_before_for_its_lead(
    gaps: list[timedelta], lead: timedelta, after: float
) -> None:
    files = history(gaps, lead)
    now = NOW + (files[-1][0] + lead + timedelta(days=10) - NOW) * after
    signer = in_use(file_at(files, now).signing, now)
    first_seen = next(since for since, file in files if signer.kid in {key.kid for key in published(file.signing, now)})
    assert signer.kid == files[0][1].signing[0].kid or now - first_seen >= lead


@given(gaps=GAPS, lead=LEADS)
def test_a_key_that_gave_way_leaves_after_the_overlap_and_the_newest_never(
    gaps: list[timedelta], lead: timedelta
) -> None:
    file = history(gaps, lead)[-1][1]
    for key in file.signing:
        end = gives_way(file.signing, key)
        if end is None:
            assert key in published(file.signing, NOW + timedelta(days=10_000))
        else:
            assert key in published(file.signing, end + OVERLAP - timedelta(seconds=1))
            assert key not in published(file.signing, end + OVERLAP)


@given(lead=LEADS)
def test_a_copy_of_the_published_keys_is_forgotten_before_a_new_one_signs(lead: timedelta) -> None:
    assert timedelta() < cached_for(lead) <= min(CACHED, lead / 2)

"""Jobs come when their five fields say."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from banyan_sdk.schedule import Cron

FUZHOU = timezone(timedelta(hours=8))


@pytest.mark.parametrize(
    ("cron", "after", "due"),
    [
        ("0 8 * * *", "2026-11-22T07:59", "2026-11-22T08:00"),
        ("0 8 * * *", "2026-11-22T08:00", "2026-11-23T08:00"),
        ("*/15 * * * *", "2026-11-22T23:46", "2026-11-23T00:00"),
        ("30 9-17/4 * * 1-5", "2026-11-21T00:00", "2026-11-23T09:30"),
        ("0 0 29 2 *", "2026-03-01T00:00", "2028-02-29T00:00"),
        ("0 12 * * 7", "2026-11-22T11:00", "2026-11-22T12:00"),
        ("0 12 * * 0,3", "2026-11-22T13:00", "2026-11-25T12:00"),
        ("0 0 1 * 1", "2026-11-24T00:00", "2026-11-30T00:00"),
        ("5/20 1 * * *", "2026-11-22T01:06", "2026-11-22T01:25"),
    ],
)
def test_the_next_time_is_found(cron: str, after: str, due: str) -> None:
    moment = datetime.fromisoformat(after).replace(tzinfo=FUZHOU)
    assert Cron.parse(cron).after(moment) == datetime.fromisoformat(due).replace(tzinfo=FUZHOU)


def test_a_time_that_never_comes_is_none() -> None:
    assert Cron.parse("0 0 30 2 *").after(datetime(2026, 1, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    "cron", ["", "* * * *", "60 * * * *", "* * * * 8", "*/0 * * * *", "a * * * *", "5-1 * * * *", "-1 * * * *"]
)
def test_a_schedule_that_is_none_is_refused(cron: str) -> None:
    with pytest.raises(ValueError, match="five cron fields"):
        Cron.parse(cron)

"""When a job is due: the five fields of cron, and nothing more."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from banyan_sdk import speech

_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


@dataclass(frozen=True, slots=True)
class Cron:
    """`minute hour day month weekday`; a field is `*`, a number, `a-b`, `*/n`, `a-b/n`, or a list of these.

    Sunday is 0 or 7. When both day and weekday are given, either suffices, as in cron(5).
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    @classmethod
    def parse(cls, text: str) -> "Cron":
        """Raises ValueError with a sentence."""
        fields = text.split()
        try:
            if len(fields) != 5:
                raise ValueError
            minutes, hours, days, months, weekdays = (
                _numbers(field, low, high) for field, (low, high) in zip(fields, _RANGES, strict=True)
            )
        except ValueError:
            raise ValueError(speech.CRON_BROKEN.format(cron=text)) from None
        return cls(
            minutes=tuple(sorted(minutes)),
            hours=tuple(sorted(hours)),
            days=frozenset(days),
            months=frozenset(months),
            weekdays=frozenset(day % 7 for day in weekdays),
            either_day=not fields[2].startswith("*") and not fields[4].startswith("*"),
        )

    def after(self, moment: datetime) -> datetime | None:
        """The first due minute later than `moment`, in its time zone; None if there is none within four years."""
        for ahead in range(4 * 366 + 1):
            day = moment.date() + timedelta(days=ahead)
            if not self._on(day):
                continue
            for hour in self.hours:
                for minute in self.minutes:
                    due = datetime.combine(day, time(hour, minute), moment.tzinfo)
                    if due > moment:
                        return due
        return None

    def _on(self, day: date) -> bool:
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return day.month in self.months and ((of_month or of_week) if self.either_day else (of_month and of_week))


def _numbers(field: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        start, end = (low, high) if span == "*" else (int(first), int(last or (high if step else first)))
        if not low <= start <= end <= high or (step and int(step) < 1):
            raise ValueError
        found.update(range(start, end + 1, int(step or 1)))
    return found

"""What one process counts of the calls to one mini-app. Pure; every few seconds a flush to PostgreSQL takes from it."""

from dataclasses import dataclass, field

from app_server.registry.latency import SIZE, bucket


@dataclass(slots=True)
class Count:
    """Calls, how many of them failed, and the latencies of those that were answered."""

    calls: int = 0
    errors: int = 0
    milliseconds: float = 0.0
    histogram: list[int] = field(default_factory=lambda: [0] * SIZE)

    def add(self, other: "Count") -> None:
        """Add what another counted."""
        self.calls += other.calls
        self.errors += other.errors
        self.milliseconds += other.milliseconds
        for index, count in enumerate(other.histogram):
            self.histogram[index] += count


class Tally:
    """Counts by the minute, as minutes since the epoch, and since the process began."""

    __slots__ = ("_minutes", "total")

    def __init__(self) -> None:
        self._minutes: dict[int, Count] = {}
        self.total = Count()

    def count(self, minute: int, *, ok: bool, milliseconds: float | None) -> None:
        """One call has ended; `milliseconds` is None when it never went to the mini-app."""
        count = self._minutes.get(minute)
        if count is None:
            count = self._minutes[minute] = Count()
        total = self.total
        count.calls += 1
        total.calls += 1
        if not ok:
            count.errors += 1
            total.errors += 1
        if milliseconds is not None:
            index = bucket(milliseconds)
            count.histogram[index] += 1
            total.histogram[index] += 1
            total.milliseconds += milliseconds

    def take(self) -> dict[int, Count]:
        """What was counted since the last take; the caller owns it now."""
        taken, self._minutes = self._minutes, {}
        return taken

    def give_back(self, taken: dict[int, Count]) -> None:
        """Put back what could not be stored."""
        for minute, count in taken.items():
            if minute in self._minutes:
                self._minutes[minute].add(count)
            else:
                self._minutes[minute] = count

"""What a benchmark found: lines of the table, and shares of a request's time."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.measure import Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the table. `met` is None where there is no goal."""

    subject: str
    beside: str
    measured: str
    goal: str = ""
    met: bool | None = None
    ours: Series | None = None
    theirs: Series | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Where the time of a request goes: the share of each part, the largest first."""

    subject: str
    parts: Sequence[tuple[str, float]]


Finding = Line | Shares


def ratio(subject: str, beside: str, ours: Series, theirs: Series, at_least: float | None = None) -> Line:
    """How many requests we answer for the CPU that the other needs for one."""
    value = ours.against(theirs)
    return Line(
        subject=subject,
        beside=beside,
        measured=f"{value:.2f} ×",
        goal=f"≥ {at_least:g} ×" if at_least else "",
        met=value >= at_least if at_least else None,
        ours=ours,
        theirs=theirs,
    )


def amount(subject: str, value: float, unit: str, *, at_most: float, beside: str = "") -> Line:
    """A size or a time, with the most that it should be."""
    return Line(
        subject=subject,
        beside=beside,
        measured=f"{value:.3g} {unit}",
        goal=f"≤ {at_most:g} {unit}",
        met=value <= at_most,
    )

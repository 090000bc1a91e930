"""The table, on the terminal and in `docs/performance.md`."""

import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.findings import Finding, Line, Shares
from benchmarks.measure import Figure, Series

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- written by `make bench`: begin -->", "<!-- written by `make bench`: end -->"
LIBRARIES = ("uvicorn", "uvloop", "httptools", "starlette", "asyncpg", "redis", "tortoise-orm", "pydantic", "orjson")
TITLES = ("what", "beside", "measured", "goal", "", "CPU µs", "beside", "requests/s", "beside", "p99 ms", "beside")


def show(findings: Sequence[Finding]) -> None:
    """Print everything."""
    console = Console(width=max(160, Console().width))
    table = Table(*TITLES)
    for line in _lines(findings):
        table.add_row(*_cells(line), style="red" if line.met is False else "")
    console.print(table)
    for shares in _shares(findings):
        parts = Table(f"{shares.subject}: where the interpreter's time goes", "share")
        for part, share in shares.parts:
            parts.add_row(part, f"{share:.0%}")
        console.print(parts)


def write(findings: Sequence[Finding], date: str, effort: str) -> None:
    """Put everything into the page, between its markers."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{_markdown(findings, date, effort)}\n{END}{after}")


def _markdown(findings: Sequence[Finding], date: str, effort: str) -> str:
    text = [f"Measured on {date}: {_machine()}. {effort}.", ""]
    text += [_row(TITLES), _row(["---"] * len(TITLES))]
    text += [_row(_cells(line)) for line in _lines(findings)]
    for shares in _shares(findings):
        text += ["", _row([f"{shares.subject}: where the interpreter's time goes", "share"]), _row(["---", "---:"])]
        text += [_row([part, f"{share:.0%}"]) for part, share in shares.parts]
    return "\n".join(text)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(line: Line) -> list[str]:
    mark = {True: "✓", False: "✗", None: ""}[line.met]
    cells = [line.subject, line.beside, line.measured, line.goal, mark]
    for of in (_cpu, _rate, _p99):
        cells += [of(line.ours), of(line.theirs)]
    return cells


def _cpu(series: Series | None) -> str:
    if series is None:
        return ""
    server, engines = series.median(lambda f: f.server), series.median(lambda f: f.engines)
    return f"{server:.0f} + {engines:.0f}" if engines >= 1 else f"{server:.0f}"


def _rate(series: Series | None) -> str:
    return f"{series.median(lambda f: f.rate):,.0f}" if series else ""


def _p99(series: Series | None) -> str:
    return f"{series.median(_p99_of):.1f}" if series else ""


def _p99_of(figure: Figure) -> float:
    return figure.p99


def _lines(findings: Sequence[Finding]) -> list[Line]:
    return [finding for finding in findings if isinstance(finding, Line)]


def _shares(findings: Sequence[Finding]) -> list[Shares]:
    return [finding for finding in findings if isinstance(finding, Shares)]


def _machine() -> str:
    cores, memory = psutil.cpu_count(), psutil.virtual_memory().total / 2**30
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    model = _processor()
    return (
        f"{cores} cores ({model}), {memory:.0f} GiB, {platform.system()} {platform.release()}, Python "
        f"{platform.python_version()}, {libraries}, PostgreSQL and Valkey from their wheels"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()

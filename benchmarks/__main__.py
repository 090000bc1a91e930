"""`python -m benchmarks [--only NAME] [--quick]`."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks import cards, frame, gateway, inbox, me, oauth, processes, provider, report, streams, tokens
from benchmarks.findings import Finding
from benchmarks.measure import Effort
from benchmarks.town import town

SUBJECTS = {
    "frame": frame.run,
    "me": me.run,
    "tokens": tokens.run,
    "cards": cards.run,
    "inbox": inbox.run,
    "oauth": oauth.run,
    "provider": provider.run,
    "gateway": gateway.run,
    "processes": processes.run,
    "streams": streams.run,
}


def main(
    only: Annotated[list[str] | None, typer.Option(help=f"Of {', '.join(SUBJECTS)}; may be given again.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="One short round: to see that it runs, not for figures.")
    ] = False,
) -> None:
    """Measure, print the table, and, after a whole run, write it into docs/performance.md."""
    effort = Effort(seconds=1.0, repeats=1) if quick else Effort()
    chosen = only or list(SUBJECTS)
    if unknown := set(chosen) - set(SUBJECTS):
        raise typer.BadParameter(f"There is no {', '.join(sorted(unknown))}: choose of {', '.join(SUBJECTS)}.")
    console, findings = Console(), list[Finding]()
    with tempfile.TemporaryDirectory(prefix="banyan-benchmarks-", ignore_cleanup_errors=True) as directory:
        console.print("Planting the town …")
        with town(Path(directory)) as planted:
            for name in chosen:
                console.print(f"Measuring {name} …")
                findings += SUBJECTS[name](planted, effort)
    report.show(findings)
    if not only and not quick:
        report.write(
            findings,
            f"{datetime.now(UTC):%Y-%m-%d}",
            f"Medians of {effort.repeats} rounds of {effort.seconds:g} s each",
        )
        console.print(f"Written to {report.PAGE.name}.")


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(main)
    app()

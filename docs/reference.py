"""Write docs/reference.md from the code: what can be set, run, refused, asked for, told and counted.

`--check` only tells whether it is up to date. What has no sentence of its own is refused, so nothing stays unexplained.
"""

import sys
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import prometheus_client
import typer
from banyan_sdk.protocol import Scope

from app_server import wiring
from app_server.cli import app
from app_server.kernel.events import Event
from app_server.kernel.problems import Problem
from app_server.kernel.routing import Route
from app_server.kernel.settings import Mode, Settings, variable
from app_server.openapi import API_PREFIXES
from app_server.pages.messages import messages

PAGE = Path(__file__).resolve().parent / "reference.md"


def main() -> None:
    """Write the page, or compare it."""
    text = "\n".join(page()) + "\n"
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text)
    elif not PAGE.exists() or PAGE.read_text() != text:
        sys.exit("docs/reference.md is not what the code says: run `make docs` and commit it.")
    else:
        sys.stdout.write("docs/reference.md is up to date.\n")


def page() -> Iterator[str]:
    """The whole page, line by line."""
    yield "# Reference"
    yield ""
    yield "Written by `make docs` from the code: change that. Routes are in [openapi.json](openapi.json)."
    yield from section(
        "Settings", "Read once, from the environment.", ["variable", "meaning", "unless set"], settings()
    )
    yield from section("Commands", "`banyan --help` says more.", ["command", "what it does"], commands())
    yield from section("Scopes", "What a mini-app may ask a resident for.", ["scope", "what it allows"], scopes())
    about = "Refusals are `application/problem+json` (RFC 9457); `code` is the stable name."
    yield from section("Problems", about, ["code", "status", "what the person reads"], problems())
    yield from section(
        "Events", "Facts in the outbox, and what follows.", ["event", "what happened", "follows"], events()
    )
    about = "What the worker does by the clock (minute hour day month weekday, UTC)."
    yield from section("Schedules", about, ["job", "when"], schedules())
    about = "At `/metrics`, for Prometheus; counters end in `_total`."
    yield from section("Figures", about, ["metric", "what it counts", "kind"], figures())
    yield from section("Pages", "For people; no JSON.", ["path", "what it shows"], pages())


def section(title: str, about: str, head: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    """A heading, a sentence and a table."""
    yield from ("", f"## {title}", "", about, "", f"| {' | '.join(head)} |", "|" + " --- |" * len(head))
    for row in rows:
        if not all(row[:2]):
            sys.exit(f"{title}: {row[0]} says nothing of itself; give it a sentence in the code.")
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("<", "&lt;") for cell in row) + " |"


def settings() -> Iterator[list[str]]:
    """Every field of `Settings`."""
    for name, field in Settings.model_fields.items():
        default = field.default.value if isinstance(field.default, Enum) else field.default
        otherwise = "must be set" if field.is_required() else "" if default in (None, "") else f"`{default}`"
        yield [f"`{variable(name)}`", field.description or "", otherwise]


def commands() -> Iterator[list[str]]:
    """Every command and its options' first sentence."""
    group: Any = typer.main.get_command(app)
    for name, command in sorted(group.commands.items()):
        for words, each in sorted(getattr(command, "commands", {"": command}).items()):
            yield [f"`{' '.join(['banyan', name, words]).strip()}`", " ".join((each.help or "").split())]


def scopes() -> Iterator[list[str]]:
    """Every scope of the protocol, as the consent page says it."""
    for scope in Scope:
        yield [f"`{scope.value}`", messages("en")(f"scopes.{scope.value.replace(':', '_')}")]


def problems() -> Iterator[list[str]]:
    """Every problem by code."""
    for problem in sorted(below(Problem), key=lambda each: str(each.code)):
        if "code" in vars(problem):
            yield [f"`{problem.code}`", str(problem.status), problem.title()]


def events() -> Iterator[list[str]]:
    """Every event, with its reactions."""
    for event in sorted(below(Event), key=lambda each: str(each.name)):
        follows = ", ".join(f"`{reaction.__name__}`" for reaction in wiring.REACTIONS.get(event, ()))
        yield [f"`{event.name}`", first_sentence(event), follows]


def schedules() -> Iterator[list[str]]:
    """Every schedule of production."""
    for schedule in sorted(wiring.schedules(everything()), key=lambda each: each.job):
        yield [f"`{schedule.job}`", f"`{schedule.cron}`"]


def figures() -> Iterator[list[str]]:
    """Our own metrics; the client library adds those of the process."""
    for family in sorted(prometheus_client.REGISTRY.collect(), key=lambda each: each.name):
        if family.name.startswith("banyan_"):
            yield [f"`{family.name}`", family.documentation, family.type]


def pages() -> Iterator[list[str]]:
    """Every route that is not in the OpenAPI document."""
    routes: list[Route] = wiring.routes(everything())
    for route in sorted(routes, key=lambda each: (each.path, each.method)):
        if not route.path.startswith(API_PREFIXES):
            yield [f"`{route.method} {route.path}`", first_sentence(route.endpoint)]


def everything() -> Settings:
    """Settings under which every module is there."""
    return Settings(
        database_url="postgresql://n@localhost/n", redis_url="redis://localhost", key_file=Path("n"), mode=Mode.DEMO
    )


def below(kind: type[Any]) -> list[type[Any]]:
    """All subclasses, at any depth."""
    return [each for child in kind.__subclasses__() for each in (child, *below(child))]


def first_sentence(thing: object) -> str:
    """The first line of its docstring."""
    return (thing.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")


if __name__ == "__main__":
    main()

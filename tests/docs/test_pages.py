"""Whoever follows a link arrives; whoever looks at the map finds what is there; nothing names our own machines."""

import re
import subprocess
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image

from tests.docs.pages import ROOT, anchors, blocks, links, pages, prose, text_of

README, ARCHITECTURE, CONTRIBUTING = ROOT / "README.md", ROOT / "docs/architecture.md", ROOT / "CONTRIBUTING.md"
LARGEST_PICTURE = 250_000  # bytes
# besides *.example (RFC 2606); the third is in the name of a claim's member
ELSEWHERE = {"keepachangelog.com", "semver.org", "schemas.openid.net", "localhost", "127.0.0.1"}
OF_MACHINES = re.compile(r"(?<![\w.:/])/(?:home|root|work|tmp|Users|var|opt|mnt|private)/[\w.]+")
NOT_OURS = re.compile(r"pypi\.org|pythonhosted|npmjs|registry\.|ghcr\.io|docker\.io|index-url", re.IGNORECASE)


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def tracked_files() -> list[str]:
    """Every file of the repository; what lies beside it on this machine is not counted."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30)
    return listed.stdout.split("\0")[:-1]


@pytest.mark.parametrize("page", pages(), ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        if urlsplit(link).scheme:
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", pages(), ids=name)
def test_no_page_names_a_machine_or_where_packages_come_from(page: Path) -> None:
    text = text_of(page)
    assert OF_MACHINES.findall(text) == []
    assert NOT_OURS.findall(text) == []
    hosts = {urlsplit(url).hostname or "" for url in re.findall(r"https?://[^\s)>`\"'|]+", text)}
    strange = {host for host in hosts if host not in ELSEWHERE and not host.endswith((".example", ".localhost"))}
    assert not {host for host in strange if "." in host and "<" not in host and "{" not in host}


def test_the_map_in_the_readme_is_the_tree() -> None:
    """Each folder of the repository has its line, and each line its folder or file."""
    table = text_of(README).partition("## The map")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE)
    told: set[str] = set()
    for row in rows:
        base = ""
        for each in re.findall(r"`([^`]+)`", row):
            found = next((path for path in (each, base + each) if (ROOT / path).exists()), None)
            assert found, f"{each} is on the map and not in the tree"
            base = base or str(Path(found).parent) + "/"
            told.add(found.rstrip("/"))
    tracked = [Path(path) for path in tracked_files() if (ROOT / path).exists()]
    top = {path.parts[0] for path in tracked if len(path.parts) > 1 and not path.parts[0].startswith(".")}
    rooms = {f"app_server/{path.parts[1]}" for path in tracked if path.parts[0] == "app_server" and len(path.parts) > 2}
    assert (top | rooms) - told == set()
    assert {path for path in told if (ROOT / path).is_dir()} - (top | rooms) == set()


@pytest.mark.parametrize("page", [README, ARCHITECTURE, CONTRIBUTING], ids=name)
def test_every_file_that_is_named_is_there(page: Path) -> None:
    """`launch.py` and `gateway/launch.py` are files of the tree, wherever they lie."""
    listed = tracked_files()
    named = set(re.findall(r"`(\w[\w./-]*\.(?:py|js|json|toml|md|lock|css))`", prose(page)))
    gone = {each for each in named if not any(f"/{path}".endswith(f"/{each}") for path in listed)}
    assert gone == set()


def test_every_folder_of_tests_is_named_like_what_it_tests() -> None:
    """`tests/<package>` mirrors a package of the tree; the others are what the README says of `tests/`."""
    beside = {"architecture", "browser", "docs", "faults", "install", "relying_parties"}
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and any(path.glob("*.py"))}
    strange = {
        each for each in folders - beside if not (ROOT / each).is_dir() and not (ROOT / "app_server" / each).is_dir()
    }
    assert strange == set()


def test_what_is_quoted_from_the_code_is_the_code() -> None:
    quoted = [block for block in blocks(CONTRIBUTING) if block.language == "python"]
    assert quoted
    for block in quoted:
        assert block.code in (ROOT / block.about).read_text(), f"{block.about} says something else now"


def test_the_layers_in_the_architecture_are_those_that_are_held() -> None:
    """Every module of the import contract stands in the picture, in the contract's order."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    held = [re.findall(r"[\w.]+", layer) for layer in contracts[0]["layers"]]
    picture = blocks(ARCHITECTURE)[0].code
    lines = [line.partition("  ")[0] for line in picture.splitlines()]
    at = {
        module: next((i for i, line in enumerate(lines) if module.rpartition(".")[2] in re.findall(r"\w+", line)), None)
        for layer in held
        for module in layer
    }
    assert [module for module, line in at.items() if line is None] == []
    order = [at[module] for layer in held for module in layer]
    assert order == sorted(order, key=lambda line: line or 0)


def test_the_strip_is_small_enough_to_load_on_a_phone() -> None:
    picture = ROOT / "docs" / "images" / "strip.png"
    assert picture.stat().st_size <= LARGEST_PICTURE
    with Image.open(picture) as opened:
        assert opened.width > 2 * opened.height
    assert "docs/images/strip.png" in links(README)

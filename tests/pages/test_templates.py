"""Pages keep to the strict policy: nothing inline, and what is loaded is there."""

import json
import re
from pathlib import Path

import pytest

from app_server.pages.assets import assets

TEMPLATES = Path(__file__).parents[2] / "app_server/pages/templates"
STATIC = Path(__file__).parents[2] / "app_server/static"
ALL = sorted(TEMPLATES.rglob("*.html"))


@pytest.mark.parametrize("path", ALL, ids=lambda p: p.name)
def test_a_template_has_no_inline_style_or_script(path: Path) -> None:
    html = path.read_text()
    assert re.findall(r"<style|\sstyle=|\son\w+=|javascript:", html) == []
    assert [tag for tag in re.findall(r"<script[^>]*>", html) if "src=" not in tag] == []


@pytest.mark.parametrize("path", ALL, ids=lambda p: p.name)
def test_the_files_that_a_template_names_are_there(path: Path) -> None:
    named = re.findall(r"""asset\(['"]([^'"]+)['"]\)""", path.read_text())
    assert [name for name in named if name not in assets().files] == []


@pytest.mark.parametrize("path", sorted(STATIC.rglob("*.js")), ids=lambda p: p.relative_to(STATIC).as_posix())
def test_a_script_writes_no_html_and_evaluates_no_text(path: Path) -> None:
    script = path.read_text()
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", script) == []


@pytest.mark.parametrize("path", sorted(STATIC.rglob("*.js")), ids=lambda p: p.relative_to(STATIC).as_posix())
def test_a_script_imports_only_scripts_that_are_there(path: Path) -> None:
    for name in re.findall(r"""^import [^"']*["'](\.[^"']+)["']""", path.read_text(), flags=re.MULTILINE):
        assert (path.parent / name).resolve().is_file(), name


def test_every_icon_that_is_named_is_in_the_sprite() -> None:
    drawn = set(re.findall(r'<symbol id="([\w-]+)"', (STATIC / "icons.svg").read_text()))
    named = {
        name
        for path in (STATIC / "js").rglob("*.js")
        for name in re.findall(r"""\bicon\(["']([\w-]+)["']""", path.read_text())
    }
    named |= {name for path in ALL for name in re.findall(r"asset\('icons.svg'\) \}\}#([\w-]+)", path.read_text())}
    assert named - drawn == set()


def test_the_words_of_a_catalogue_file_stand_once() -> None:
    for path in sorted((TEMPLATES.parent / "messages").glob("*.json")):
        twice: list[str] = []

        def note(pairs: list[tuple[str, object]], twice: list[str] = twice) -> dict[str, object]:
            names = [name for name, _ in pairs]
            twice.extend(name for name in names if names.count(name) > 1)
            return dict(pairs)

        json.loads(path.read_text(), object_pairs_hook=note)
        assert twice == [], path.name

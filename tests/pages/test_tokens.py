"""Every pair of text and ground that the components use can be read, in both themes."""

import re
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "app_server/static"
CSS = (STATIC / "tokens.css").read_text()
COMPONENTS = sorted(path for path in STATIC.rglob("*.css") if path.name != "tokens.css")

PAIRS = [
    *((text, ground) for text in ("ink", "ink-soft", "leaf", "leaf-deep") for ground in ("ground", "surface", "jade")),
    *(("lacquer", ground) for ground in ("ground", "surface", "lacquer-tint")),
    ("ink", "lacquer-tint"),
    ("on-leaf", "leaf"),
    ("on-leaf", "leaf-deep"),
    ("on-lacquer", "lacquer"),
    ("ground", "ink"),
    ("code-ink", "code-ground"),
    ("code-ink-soft", "code-ground"),
]
EDGES = [
    *(("line-strong", ground) for ground in ("ground", "surface")),
    *(("leaf", ground) for ground in ("ground", "surface", "jade")),
]


def block(selector: str) -> dict[str, str]:
    """The colours that a rule sets, by the token's name."""
    start = CSS.index(selector + " {") + len(selector)
    return dict(re.findall(r"--([\w-]+): (#[0-9A-F]{6});", CSS[start : CSS.index("}", start)]))


LIGHT = block(":root")
DARK = LIGHT | block(':root[data-theme="dark"]')


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize(("text", "ground"), PAIRS)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read_on_its_ground(theme: dict[str, str], text: str, ground: str) -> None:
    assert contrast(theme[text], theme[ground]) >= 4.5


@pytest.mark.parametrize(("edge", "ground"), EDGES)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_the_edge_of_a_field_and_the_focus_can_be_seen(theme: dict[str, str], edge: str, ground: str) -> None:
    assert contrast(theme[edge], theme[ground]) >= 3


def test_the_device_and_the_person_get_the_same_dark() -> None:
    assert block(':root:not([data-theme="light"])') == block(':root[data-theme="dark"]')


def test_dark_leaves_the_ground_of_a_code_white() -> None:
    assert DARK["code-ground"] == "#FFFFFF"
    assert DARK["code-ink"] == "#000000"


@pytest.mark.parametrize("path", [p for p in COMPONENTS if p.parent.name != "reader"], ids=lambda p: p.name)
def test_components_take_their_colours_from_the_tokens(path: Path) -> None:
    # The reader's finder lies over a camera picture, where no ground is ours.
    assert re.findall(r"#[0-9A-Fa-f]{3,8}\b|\brgba?\(|\bhsla?\(", path.read_text()) == []


@pytest.mark.parametrize("path", COMPONENTS, ids=lambda p: p.name)
def test_components_name_only_tokens_that_exist(path: Path) -> None:
    css = path.read_text()
    defined = set(re.findall(r"(--[\w-]+):", CSS + css))
    assert set(re.findall(r"var\((--[\w-]+)", css)) - defined == set()

"""The written pages of the project, and what can be read out of them."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
LINK = re.compile(r"\]\(([^()\s]+)\)")


@dataclass(frozen=True, slots=True)
class Block:
    """A code block: its language and what stands behind it on the same line."""

    language: str
    about: str
    code: str


def pages() -> list[Path]:
    """Every page that people wrote or that is written from the code."""
    found = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "sdk/README.md")]
    return [*found, *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "miniapps").glob("*/README.md"))]


@cache
def text_of(page: Path) -> str:
    """The page's text."""
    return page.read_text(encoding="utf-8")


def blocks(page: Path) -> list[Block]:
    """The code blocks of a page."""
    found = []
    for head, code in FENCE.findall(text_of(page)):
        language, _, about = head.partition(" ")
        found.append(Block(language, about.strip(), code))
    return found


def prose(page: Path) -> str:
    """The page without its code blocks."""
    return FENCE.sub("", text_of(page))


def links(page: Path) -> list[str]:
    """Where the page's links and pictures lead."""
    return LINK.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """The names by which links find the page's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()).strip() for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}

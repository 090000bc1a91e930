"""Words in the reader's language: one catalogue a language, made of the files `messages/[<part>.]<locale>.json`.

A catalogue is a tree of sentences with `{placeholders}`; a sentence with the forms `one` and `other` chooses by
`count`. The same tree is rendered on the server and sent to the browser, so a key means one thing everywhere.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "messages"

Tree = Mapping[str, "str | Tree"]

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class Messages:
    """The sentences of one language."""

    def __init__(self, locale: str, tree: Tree) -> None:
        self.locale = locale
        self.tree = tree

    def __call__(self, key: str, /, **values: object) -> str:
        """The sentence for a dotted key, filled in. A key that does not exist is a fault of the program: `KeyError`."""
        found = self.find(key)
        if isinstance(found, Mapping):
            form = "one" if self.locale == "en" and values.get("count") == 1 and "one" in found else "other"
            found = found.get(form)
        if not isinstance(found, str):
            raise KeyError(key)
        return _PLACEHOLDER.sub(lambda match: str(values.get(match[1], match[0])), found)

    def find(self, key: str) -> "str | Tree | None":
        """The sentence or branch at a dotted key; `None` when there is none."""
        node: str | Tree | None = self.tree
        for part in key.split("."):
            node = node.get(part) if isinstance(node, Mapping) else None
        return node

    def problem(self, code: str, fallback: str, **values: object) -> str:
        """The sentence for a problem's code in this language, else the problem's own title."""
        return self(f"problems.{code}", **values) if self.find(f"problems.{code}") else fallback

    def keys(self) -> Iterator[str]:
        """Every dotted key of a sentence, in the order of the files."""
        yield from _walk(self.tree, "")


def _walk(tree: Tree, prefix: str) -> Iterator[str]:
    for name, node in tree.items():
        if isinstance(node, Mapping):
            yield from _walk(node, f"{prefix}{name}.")
        else:
            yield prefix + name


@cache
def messages(locale: str) -> Messages:
    """The catalogue of one of the kernel's `LANGUAGES`. Two files that define the same branch are a `ValueError`."""
    tree: dict[str, str | Tree] = {}
    for path in sorted(FOLDER.glob(f"*{locale}.json")):
        part = json.loads(path.read_text(encoding="utf-8"))
        if twice := tree.keys() & part.keys():
            raise ValueError(f"{path.name} defines {sorted(twice)} a second time")
        tree |= part
    return Messages(locale, tree)

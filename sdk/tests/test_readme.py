"""The README's code runs, and what it lists is all there is."""

import re
from pathlib import Path
from typing import Any

import pytest
from conftest import MANIFEST
from starlette.requests import Request

import banyan_sdk
from banyan_sdk import Launch, MiniApp, speech
from banyan_sdk.manifest import parse
from banyan_sdk.protocol import EventType, Scope
from banyan_sdk.testing import City

README = (Path(__file__).parents[1] / "README.md").read_text()


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```python {kind}\n(.*?)```", README, re.DOTALL)


async def test_the_examples_run() -> None:
    """The three examples are one mini-app and its test."""
    app = MiniApp(parse(MANIFEST))
    names: dict[str, Any] = {"app": app}
    for block in blocks("example"):
        exec(block, names)
    for block in blocks("test"):
        exec(block, names)
    await names["test_an_order_is_promised_once"]()


def test_everything_that_can_be_imported_is_told() -> None:
    for name in banyan_sdk.__all__:
        assert f"`{name}`" in README, name
        assert getattr(banyan_sdk, name) is not None


@pytest.mark.parametrize("name", [*EventType, *Scope, *speech.SETTINGS, "BANYAN_DATA", "BANYAN_ORIGIN", "HOST", "PORT"])
def test_every_setting_scope_and_event_is_told(name: str) -> None:
    assert f"`{name}`" in README


def test_every_word_of_the_bridge_is_told() -> None:
    bridge = (Path(banyan_sdk.__file__).parent / "bridge" / "banyan.js").read_text()
    for name in re.findall(r"^export (?:async )?(?:function|const|let|class) (\w+)", bridge, re.MULTILINE):
        assert f"`{name}" in README, name


async def test_names_in_the_readme_are_real() -> None:
    async with City(MiniApp(parse(MANIFEST))) as city:
        assert city.app.store is not None
    assert Launch is not None
    assert Request is banyan_sdk.Request

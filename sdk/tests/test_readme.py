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


def examples() -> dict[str, Any]:
    """The three examples are one mini-app."""
    names: dict[str, Any] = {"app": MiniApp(parse(MANIFEST))}
    for block in blocks("example"):
        exec(block, names)
    return names


async def test_the_examples_run() -> None:
    names = examples()
    for block in blocks("test"):
        exec(block, names)
    await names["test_an_order_is_promised_once"]()


async def test_in_the_example_two_residents_may_use_the_same_key_and_none_goes_without() -> None:
    async with City(examples()["app"]) as city:
        lin, amy = city.resident(locale="en"), city.resident("Amy", locale="en")
        for resident in (lin, amy):
            visit = await city.open(resident)
            assert (await visit.post("/api/orders", {"tea": "Oolong"}, key="1")).status_code == 200
        await city.settled()
        assert len(city.platform.notices_of(lin)) == len(city.platform.notices_of(amy)) == 1
        session = {"authorization": f"Bearer {visit.session.session}"}
        keyless = await city.send("POST", "/api/orders", content=b'{"tea": "Oolong"}', headers=session)
        assert (keyless.status_code, keyless.json()["code"]) == (400, "idempotency_key_needed")


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

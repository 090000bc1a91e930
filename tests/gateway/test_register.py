"""The way to the population register: what it says is taken at its word, all else is no answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from app_server.gateway import register
from app_server.gateway.register import Register
from app_server.kernel.settings import Settings

WHO = {"name": "林依婷", "id_number": "11010519491231002X"}


@asynccontextmanager
async def listening(answers: list[web.Response | None], asked: list[Any]) -> AsyncIterator[str]:
    """A register that gives these answers one after the other; None is silence."""

    async def answer(request: web.Request) -> web.Response:
        asked.append((request.headers["authorization"], await request.json()))
        given = answers[min(len(asked), len(answers)) - 1]
        if given is None:
            await asyncio.sleep(5)
        return web.Response(body=given.body, status=given.status, headers=given.headers) if given else web.Response()

    app = web.Application()
    app.router.add_post("/checks", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert runner.addresses
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/checks"
    finally:
        await runner.cleanup()


def at(url: str, settings: Settings) -> Register:
    return Register(settings.model_copy(update={"register_url": url, "register_secret": "s3cret"}))


@pytest.mark.parametrize(("said", "meant"), [("matched", True), ("not_matched", False)])
async def test_it_says_whether_it_knows_somebody(settings: Settings, said: str, meant: bool) -> None:
    asked: list[Any] = []
    async with listening([web.json_response({"result": said})], asked) as url:
        assert await at(url, settings).knows(**WHO) is meant
    assert asked == [("Bearer s3cret", WHO)]


FAULTS = {
    "500": web.Response(status=500),
    "401": web.json_response({"result": "matched"}, status=401),
    "elsewhere": web.Response(status=302, headers={"location": "http://127.0.0.1:1/"}),
    "no JSON": web.Response(text="matched"),
    "another word": web.json_response({"result": "perhaps"}),
    "a list": web.json_response(["matched"]),
    "true": web.json_response({"result": True}),
    "too much": web.json_response({"result": "matched", "more": "x" * 5000}),
    "silence": None,
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_whatever_else_it_says_is_no_answer_and_is_asked_for_twice(
    settings: Settings, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(register, "ANSWER_WITHIN", 0.3)
    asked: list[Any] = []
    async with listening([FAULTS[fault]], asked) as url:
        assert await at(url, settings).knows(**WHO) is None
    assert len(asked) == 2


async def test_one_fault_is_got_over(settings: Settings) -> None:
    asked: list[Any] = []
    async with listening([web.Response(status=503), web.json_response({"result": "matched"})], asked) as url:
        assert await at(url, settings).knows(**WHO) is True


async def test_a_register_that_is_down_is_left_alone_for_a_while(settings: Settings) -> None:
    asked: list[Any] = []
    async with listening([web.Response(status=500)], asked) as url:
        down = at(url, settings)
        assert {await down.knows(**WHO) for _ in range(30)} == {None}
    assert len(asked) == 20


async def test_without_a_register_nobody_is_known(settings: Settings) -> None:
    assert await Register(settings).knows(**WHO) is None

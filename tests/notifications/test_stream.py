"""The inbox, live: nothing is missed, nothing comes twice, and nobody reads on after signing out."""

import asyncio
import random
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from app_server.kernel.metrics import STREAMS
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import in_unit_of_work
from notifications import hub, stream
from notifications.inbox import ResidentInbox
from tests.actors import Person
from tests.city import City, open_city
from tests.notifications.conftest import Library
from tests.notifications.streams import event_source


def texts(title: str) -> dict[str, dict[str, str]]:
    return {"en": {"title": title, "body": ""}, "zh-CN": {"title": f"«{title}»", "body": ""}}


async def deliver(city: City, person: Person, key: str, *, inbox: ResidentInbox | None = None) -> None:
    inbox = inbox or ResidentInbox(state=city.state)
    await inbox.deliver(resident_id=UUID(person.id), app_id=None, texts=texts(key), link=None, unique_key=key)


def without_hints(city: City) -> ResidentInbox:
    """An inbox whose hints are all lost."""
    silent = SimpleNamespace(publish=lambda channel, text: None)
    return ResidentInbox(state=cast(AppState, city.state | {"redis": silent}))


async def test_a_notice_reaches_an_open_page_at_once(city: City, lin: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "POLL", 3600)
    await lin.patch("/v1/me", json={"locale": "en"})
    async with event_source(city, lin) as source:
        assert source.status == 200
        assert source.headers["content-type"].startswith("text/event-stream")
        assert source.headers["cache-control"] == "no-store"
        await deliver(city, lin, "first")
        await source.until_position(1)
        (event,) = source.events
        assert event["event"] == "notice"
        listed = (await lin.get("/v1/inbox")).json()["items"]
        assert [event["data"]] == listed
        assert listed[0]["title"] == "first"


async def test_a_notice_whose_hint_is_lost_comes_with_the_next_poll(city: City, lin: Person) -> None:
    async with event_source(city, lin) as source:
        await deliver(city, lin, "first", inbox=without_hints(city))
        await source.until_position(1, within=hub.POLL * 2)


async def test_without_valkey_notices_still_arrive(city: City, lin: Person) -> None:
    away = city.settings.model_copy(update={"redis_url": "unix:///nowhere/valkey.sock"})
    async with open_city(away) as other, event_source(other, lin) as source:
        await deliver(other, lin, "first")
        await source.until_position(1, within=hub.POLL * 2)


async def test_a_page_resumes_after_the_last_notice_it_saw(city: City, lin: Person) -> None:
    for n in range(1, 121):
        await deliver(city, lin, f"k{n}")
    async with event_source(city, lin, last_event_id=100, after=3) as source:
        await source.until_position(120)
        assert source.positions == list(range(101, 121))
    async with event_source(city, lin, after=0) as source:
        await source.until_position(120)
        assert source.positions == list(range(1, 121))


async def test_a_page_that_says_nothing_gets_what_comes_from_now_on(city: City, lin: Person) -> None:
    await deliver(city, lin, "old")
    async with event_source(city, lin) as fresh, event_source(city, lin, last_event_id=99) as ahead:
        await deliver(city, lin, "new")
        await fresh.until_position(2)
        await ahead.until_position(2)  # a position that never was, as after a restore, counts as now
        assert fresh.positions == ahead.positions == [2]


async def test_a_page_that_breaks_off_again_and_again_sees_each_notice_once(city: City, lin: Person) -> None:
    inbox, silent, writers, each = ResidentInbox(state=city.state), without_hints(city), 8, 30
    seen: list[int] = []

    @in_unit_of_work
    async def unit(key: str, *, fails: bool) -> None:
        await deliver(city, lin, key, inbox=random.choice((inbox, silent)))
        await asyncio.sleep(random.random() / 200)
        if fails:
            raise InterruptedError

    async def writer(name: int) -> None:
        for n in range(each):
            for fails in (random.random() < 0.2, False):
                try:
                    await unit(f"{name}-{n}", fails=fails)
                except InterruptedError:
                    continue

    writing = asyncio.gather(*(writer(name) for name in range(writers)))
    while not (writing.done() and seen and seen[-1] == writers * each):
        async with event_source(city, lin, last_event_id=seen[-1] if seen else 0) as source:
            await asyncio.sleep(random.random() / 4)
            seen += source.positions
    await writing
    assert seen == list(range(1, writers * each + 1))


async def test_two_pages_of_one_resident_and_one_of_another_see_their_own(city: City, lin: Person) -> None:
    chen = await city.person("+8613800000002", "陈明")
    async with event_source(city, lin) as phone, event_source(city, lin) as desk, event_source(city, chen) as other:
        await deliver(city, lin, "for lin")
        await deliver(city, chen, "for chen")
        for source in (phone, desk, other):
            await source.until_position(1)
        assert [s.events[0]["data"]["title"] for s in (phone, desk, other)] == ["«for lin»", "«for lin»", "«for chen»"]


async def test_a_quiet_stream_has_a_heartbeat(city: City, lin: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.05)
    async with event_source(city, lin) as source:
        await source.until(":\n\n" * 5)
        assert source.events == []


async def test_signing_out_ends_the_stream_before_the_next_notice(city: City, lin: Person) -> None:
    async with event_source(city, lin) as source:
        assert (await lin.delete("/v1/sign-in/sessions/current")).status_code == 204
        await deliver(city, lin, "secret")
        await asyncio.wait_for(source.ended.wait(), 5)
        assert source.events == []


async def test_a_quiet_stream_ends_with_the_session(city: City, lin: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.05)
    async with event_source(city, lin) as source:
        await lin.delete("/v1/sign-in/sessions/current")
        await asyncio.wait_for(source.ended.wait(), 5)


async def test_a_stream_ends_with_the_process_and_says_when_to_come_back(city: City, lin: Person) -> None:
    async with event_source(city, lin) as source:
        city.state["shutdown"].set()
        await asyncio.wait_for(source.ended.wait(), 5)
        assert source.text.endswith("\n\n")
        assert "retry: " in source.text
    async with event_source(city, lin) as late:
        await asyncio.wait_for(late.ended.wait(), 5)


async def test_a_ninth_stream_ends_the_first(city: City, lin: Person) -> None:
    before = STREAMS._value.get()
    sources = [event_source(city, lin) for _ in range(hub.MOST_STREAMS + 1)]
    opened = [await context.__aenter__() for context in sources]
    await asyncio.wait_for(opened[0].ended.wait(), 5)
    await deliver(city, lin, "first")
    for source in opened[1:]:
        await source.until_position(1)
    assert opened[0].events == []
    for context in sources:
        await context.__aexit__(None, None, None)
    assert STREAMS._value.get() == before


@pytest.mark.parametrize("times", range(3))
async def test_a_wake_is_never_lost(times: int) -> None:
    """Waking, heartbeats and pauses in any order: after the last wake the stream looks once more."""
    seat = hub.Seat(UUID(int=1), 0)
    gone, looked = asyncio.Event(), asyncio.Event()

    async def receive() -> dict[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def follow() -> None:
        while True:
            if await seat.pause(receive, 0.001):
                looked.set()
            await asyncio.sleep(random.choice((0, 0.001)))

    following = asyncio.ensure_future(follow())
    for _ in range(300):
        await asyncio.sleep(random.choice((0, 0.0005, 0.001, 0.0015)))
        looked.clear()
        seat.wake()
        seat.wake()
        await asyncio.wait_for(looked.wait(), 5)
    gone.set()
    with pytest.raises(hub.Disconnected):
        await following


async def test_the_stream_is_for_residents(city: City, library: Library) -> None:
    async with event_source(city, None) as source:
        assert source.status == 401
    async with city.browser(authorization=f"Bearer {library.token()}") as app:
        assert (await app.get("/v1/inbox/stream")).status_code == 403


async def test_asking_for_the_head_of_the_stream_ends(city: City, lin: Person) -> None:
    async with event_source(city, lin, method="HEAD") as source:
        await asyncio.wait_for(source.ended.wait(), 5)
        assert (source.status, source.text) == (200, "")


async def test_everybody_hears_that_a_service_closed_and_opened_and_no_place_in_the_inbox_moves(
    city: City, lin: Person, library: Library
) -> None:
    operator = await city.person("+8613800000009", roles=("operator",))
    async with event_source(city, lin) as page, event_source(city, operator) as other:
        for decision, is_open in (("suspension", False), ("lift", True)):
            told = await operator.post(f"/v1/operator/listings/library/{decision}", json={"reason": "A stocktaking"})
            assert told.status_code == 200, told.text
            for stream in (page, other):
                await stream.until(f'"open":{str(is_open).lower()}')
    assert [event["event"] for event in page.events] == ["listing", "listing"]
    assert "id" not in page.events[0]

"""What the benchmarks themselves are made of."""

import asyncio
from pathlib import Path

import pytest

from benchmarks import load, report
from benchmarks.findings import Line, Shares, amount, ratio
from benchmarks.load import Load, LoadFailed
from benchmarks.measure import Figure, Series
from benchmarks.town import get, post

ANSWER = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok"


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that is content with everything."""
    while line := await reader.readline():
        if b"/rude" in line:
            break
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        await reader.readexactly(length)
        writer.write(ANSWER)
    writer.close()


async def put(requests: list[str], *, once: bool) -> load.Tally:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port: int = server.sockets[0].getsockname()[1]
        wanted = Load(port=port, requests=requests, seconds=0.2, connections=3, once=once)
        return await asyncio.to_thread(load.run, wanted)


async def test_a_load_asks_again_and_again_until_its_time_is_over() -> None:
    tally = await put([get("/"), post("/", "text/plain", "hello")], once=False)
    assert set(tally.statuses) == {"201"}
    assert tally.answered > 10
    assert tally.seconds >= 0.2
    assert 0 < tally.p50 <= tally.p99


async def test_a_request_that_may_be_sent_once_is_sent_once() -> None:
    assert (await put([get(f"/{number}") for number in range(7)], once=True)).answered == 7


async def test_a_connection_that_breaks_fails_the_load() -> None:
    with pytest.raises(LoadFailed):
        await put([get("/rude")], once=False)


def series(*cpu: float) -> Series:
    return Series(figures=[Figure(rate=1000, p50=1, p99=2, server=each, engines=0) for each in cpu])


def test_a_ratio_is_the_median_of_the_rounds_and_knows_its_goal() -> None:
    line = ratio("ours", "theirs", series(10, 10, 40), series(20, 30, 20), at_least=2)
    assert (line.measured, line.goal, line.met) == ("2.00 ×", "≥ 2 ×", True)
    assert amount("start", 2.5, "s", at_most=2).met is False


def test_the_page_keeps_what_people_wrote_around_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"Before.\n{report.BEGIN}\nold\n{report.END}\nAfter.\n")
    monkeypatch.setattr(report, "PAGE", page)
    line = Line(subject="GET /v1/me", beside="by hand", measured="2 ×", ours=series(10), theirs=series(20))
    report.write([line, Shares(subject="GET /v1/me", parts=[("asyncpg", 0.25)])], "2026-11-22", "One round")
    text = page.read_text()
    assert text.startswith("Before.\n") and text.endswith("After.\n") and "old" not in text
    assert "| GET /v1/me | by hand | 2 × |" in text
    assert "| asyncpg | 25% |" in text


def test_the_real_page_has_a_place_for_the_table() -> None:
    text = report.PAGE.read_text()
    assert text.index(report.BEGIN) < text.index(report.END)

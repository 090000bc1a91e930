"""What goes over the wire of an event stream."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications import frames


def parsed(stream: bytes) -> list[dict[str, str]]:
    """The events of a stream, read as WHATWG HTML §9.2.6 says."""
    events: list[dict[str, str]] = []
    event: dict[str, str] = {}
    for line in stream.decode().split("\n"):
        if not line:
            if "data" in event:
                events.append(event)
            event = {}
            continue
        name, _, value = line.partition(":")
        if name:
            event[name] = value.removeprefix(" ")
    return events


@given(st.integers(min_value=1, max_value=2**62), st.text())
def test_whatever_a_notice_says_a_browser_reads_it_back(position: int, body: str) -> None:
    (event,) = parsed(frames.notice(position, {"position": position, "body": body.encode("utf-8", "replace").decode()}))
    assert event["id"] == str(position)
    assert event["event"] == "notice"
    assert orjson.loads(event["data"])["position"] == position


def test_a_heartbeat_is_no_event() -> None:
    assert parsed(frames.HEARTBEAT) == []
    assert parsed(frames.retry(1500)) == []


@pytest.mark.parametrize(
    ("header", "after", "position"),
    [
        ("7", "3", 7),
        (None, "3", 3),
        (None, None, None),
        ("", "3", 3),
        ("-1", None, None),
        ("٧", None, None),
        ("9" * 30, None, None),
        ("seven", "0", 0),
    ],
)
def test_a_stream_resumes_where_the_browser_says(header: str | None, after: str | None, position: int | None) -> None:
    assert frames.last_event_id(header, after) == position

"""Frames of an event stream (pure): WHATWG HTML §9.2, `text/event-stream`."""

import orjson

HEARTBEAT = b":\n\n"  # a comment: keeps proxies from closing a quiet stream


def notice(position: int, item: dict[str, object]) -> bytes:
    """A notice; the browser sends `position` back as Last-Event-ID when it connects again."""
    data = orjson.dumps(item, option=orjson.OPT_UTC_Z)  # without line breaks, as JSON is
    return b"id: %d\nevent: notice\ndata: %b\n\n" % (position, data)


def listing(app_id: str, is_open: bool) -> bytes:
    """A mini-app opened or closed, for a page that shows it now. Has no id: it is no part of the inbox."""
    return b"event: listing\ndata: %b\n\n" % orjson.dumps({"app_id": app_id, "open": is_open})


def retry(milliseconds: int) -> bytes:
    """How long the browser waits before it connects again."""
    return b"retry: %d\n\n" % milliseconds


def last_event_id(header: str | None, after: str | None) -> int | None:
    """Where a stream resumes: the header of a reconnecting browser wins over `?after=`. None: from now on.

    What is not a position is treated as absent: an event source cannot act on a refusal, it would ask for ever.
    """
    for text in (header, after):
        if text and text.isascii() and text.isdigit() and len(text) <= 18:
            return int(text)
    return None

"""Cursors, ids, languages, logs."""

import json
import logging
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_server.kernel.ids import uuid7
from app_server.kernel.languages import negotiate
from app_server.kernel.logs import JsonFormatter, redact
from app_server.kernel.problems import BadCursor
from app_server.kernel.schemas import decode_cursor, encode_cursor

values = st.one_of(
    st.text(max_size=50),
    st.integers(min_value=-(2**53), max_value=2**53),
    st.uuids(),
    st.datetimes(timezones=st.just(UTC)),
)


@given(st.lists(values, min_size=1, max_size=3))
def test_a_cursor_gives_back_what_it_was_made_of(place: list[str | int | UUID | datetime]) -> None:
    assert list(decode_cursor(encode_cursor(*place))) == place


@given(st.text(max_size=100))
def test_a_cursor_that_nobody_gave_out_is_refused_or_harmless(text: str) -> None:
    with suppress(BadCursor):
        assert isinstance(decode_cursor(text), tuple)


def test_ids_sort_by_time_and_say_their_version() -> None:
    ids = []
    for _ in range(3):
        ids.append(uuid7())
        next_millisecond = datetime.now(UTC).timestamp() + 0.002
        while datetime.now(UTC).timestamp() < next_millisecond:
            pass
    assert ids == sorted(ids)
    assert all(made.version == 7 and made.variant == "specified in RFC 4122" for made in ids)
    assert len({uuid7() for _ in range(10_000)}) == 10_000


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "zh-CN"),
        ("en-GB,en;q=0.9", "en"),
        ("zh-TW", "zh-CN"),
        ("fr, en;q=0.3, zh;q=0.8", "zh-CN"),
        ("en;q=x, zh;q=0.1", "zh-CN"),
        ("de", "zh-CN"),
        ("en;q=0", "zh-CN"),
    ],
)
def test_the_language_is_the_best_of_those_we_speak(header: str, language: str) -> None:
    assert negotiate(header) == language


def test_logs_carry_ids_and_never_secrets() -> None:
    record = logging.LogRecord("city", logging.INFO, "f", 1, "told 13800000001", None, None)
    card = uuid4()
    record.ids = {"card_id": card, "phone": "13800000001", "note": "call +8613800000001", "code": "123456"}
    line = json.loads(JsonFormatter().format(record))
    assert line["card_id"] == str(card)
    assert "138" not in json.dumps({k: v for k, v in line.items() if k != "card_id"})
    assert "123456" not in json.dumps({k: v for k, v in line.items() if k != "card_id"})
    assert "林依婷" not in redact(
        "asyncpg.exceptions.DataError: invalid input for query argument $2: '林依婷\\x00' (bad)"
    )
    assert "林依婷" not in redact("duplicate key value\nDETAIL:  Key (name)=(林依婷) already exists.\n")
    assert "林依婷" not in redact("name\n  Too long [type=string, input_value='林依婷', input_type=str]")
    assert redact("Bearer eyJabc.def.ghi and BC1:ABC and bs_0123456789012345678901234") == "Bearer … and … and …"

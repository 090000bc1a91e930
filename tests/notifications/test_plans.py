"""Reading an inbox touches what it shows, however long the inbox and however many residents there are."""

from typing import Any
from uuid import UUID

import orjson
import pytest

from notifications import inbox
from tests.city import City

RESIDENTS, EACH = 40, 500
FILL = f"""
INSERT INTO notifications_message (id, resident_id, position, unique_key, texts, created_at, read_at)
SELECT gen_random_uuid(), lpad(to_hex(r), 32, '0')::uuid, p, p::text, 'x', now(),
    CASE WHEN p < {EACH - 3} THEN now() END
FROM generate_series(1, {RESIDENTS}) AS r, generate_series(1, {EACH}) AS p"""
SEATS = f"""
INSERT INTO notifications_inbox (resident_id, last_position, unread)
SELECT lpad(to_hex(r), 32, '0')::uuid, {EACH}, 4 FROM generate_series(1, {RESIDENTS}) AS r"""


@pytest.fixture
async def full(city: City) -> City:
    """A city with long inboxes."""
    await city.execute(FILL)
    await city.execute(SEATS)
    await city.execute("ANALYZE notifications_message")
    await city.execute("ANALYZE notifications_inbox")
    return city


async def rows_read(city: City, sql: str, *values: object) -> int:
    """How many rows of the messages a statement takes up, by its own account."""
    (row,) = await city.rows(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", *values)
    (plan,) = orjson.loads(row[0])
    return sum(
        round(node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)))
        for node in _nodes(plan["Plan"])
        if node.get("Relation Name") == "notifications_message" and "Scan" in node["Node Type"]
    )


def _nodes(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node, *(below for child in node.get("Plans", []) for below in _nodes(child))]


async def test_a_page_reads_its_own_rows(full: City) -> None:
    lin = UUID(int=7)
    for before in (inbox.FIRST_PAGE, 250):
        assert await rows_read(full, inbox._PAGES, [0], [lin], [before], [21]) == 21


async def test_pages_of_many_residents_read_theirs(full: City) -> None:
    people = [UUID(int=n) for n in range(1, 21)]
    columns = (list(range(20)), people, [inbox.FIRST_PAGE] * 20, [21] * 20)
    assert await rows_read(full, inbox._PAGES, *columns) == 20 * 21


async def test_a_stream_reads_what_is_new_to_it(full: City) -> None:
    lin = UUID(int=7)
    assert await rows_read(full, inbox._AFTER, [0], [lin], [EACH - 3], inbox.BURST) == 3
    assert await rows_read(full, inbox._AFTER, [0], [lin], [0], inbox.BURST) == inbox.BURST


async def test_marking_all_as_read_touches_what_is_unread(full: City) -> None:
    now = full.clock()
    assert await rows_read(full, inbox._MARK_UP_TO, UUID(int=7), EACH, now) == 4

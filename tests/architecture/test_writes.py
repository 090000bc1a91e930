"""One way to write: many rows at once only inside a unit of work, and no connection beside the pool."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SERVER = ("app_server", "personal_space", "card_wallet", "notifications")
MANY_ROWS = {"bulk_create", "bulk_update", "bulk_get_or_create", "executemany", "copy_records_to_table"}
OWN_CONNECTION = {"connect", "create_pool"}
# The pool itself, and what looks at PostgreSQL from outside of a process: migrations, the doctor.
OUTSIDE = {"app_server/kernel/pool.py", "app_server/database.py", "app_server/doctor.py"}


def calls(node: ast.AST, in_unit: bool = False) -> Iterator[tuple[ast.Call, bool]]:
    """Every call below, and whether a function around it is a unit of work."""
    if isinstance(node, ast.AsyncFunctionDef):
        in_unit = in_unit or any(
            isinstance(each, ast.Name) and each.id == "in_unit_of_work" for each in node.decorator_list
        )
    if isinstance(node, ast.Call):
        yield node, in_unit
    for child in ast.iter_child_nodes(node):
        yield from calls(child, in_unit)


def method(call: ast.Call) -> tuple[str, str]:
    """What the method is called on, as far as it is a plain name, and its name."""
    if not isinstance(call.func, ast.Attribute):
        return "", ""
    return call.func.value.id if isinstance(call.func.value, ast.Name) else "", call.func.attr


def sources() -> Iterator[tuple[str, ast.Module]]:
    for package in SERVER:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def loose_writes(tree: ast.AST) -> list[int]:
    return [call.lineno for call, in_unit in calls(tree) if method(call)[1] in MANY_ROWS and not in_unit]


def test_many_rows_are_written_in_a_unit_of_work() -> None:
    """Tortoise's `bulk_create` opens a transaction of its own: cancelled, it loses what it had acknowledged."""
    assert {path: lines for path, tree in sources() if (lines := loose_writes(tree))} == {}


def test_the_rule_sees_a_loose_write_and_lets_one_in_a_unit_pass() -> None:
    loose = "async def send():\n    await Notice.bulk_create(rows)"
    assert loose_writes(ast.parse(loose)) == [2]
    assert loose_writes(ast.parse("@in_unit_of_work\n" + loose)) == []


def test_nobody_connects_beside_the_pool() -> None:
    found = [
        f"{path}:{call.lineno}"
        for path, tree in sources()
        for call, _ in calls(tree)
        if method(call)[0] == "asyncpg" and method(call)[1] in OWN_CONNECTION and path not in OUTSIDE
    ]
    assert found == []


def test_sessions_end_in_one_place() -> None:
    """Who ends one elsewhere forgets what hangs on it, and the services that must hear of it."""
    ends = re.compile(r"UPDATE\s+core_session\b[^\"]*ended_at\s*=")
    found = [
        str(path.relative_to(ROOT)) for path in (ROOT / "app_server").rglob("*.py") if ends.search(path.read_text())
    ]
    assert found == ["app_server/identity/ending.py"]

"""docs/conformance.md and the tests that it names, one to one."""

import re

from tests.docs.pages import ROOT, text_of

PAGE = ROOT / "docs/conformance.md"
TESTS = [ROOT / "tests/authorization" / name for name in ("test_conformance.py", "test_conformance_logout.py")]
ROW = re.compile(r"^\| `(oidcc-[a-z0-9-]+)` \| (.+) \|$", re.MULTILINE)
MODULES = 52  # of the four plans


def test_each_module_has_its_test_or_a_reason_and_each_test_its_module() -> None:
    rows = ROW.findall(text_of(PAGE))
    modules = [module for module, _ in rows]
    assert len(modules) == len(set(modules)) == MODULES
    named = {said.split("`")[1] for _, said in rows if said.startswith("`")}
    reasons = [said for _, said in rows if not said.startswith("`")]
    assert all(re.fullmatch(r"Not applicable: .{20,}\.", reason) for reason in reasons)
    assert named == {f"test_{module.replace('-', '_')}" for module, said in rows if said.startswith("`")}
    written = {name for path in TESTS for name in re.findall(r"^async def (test_oidcc_\w+)", path.read_text(), re.M)}
    assert named == written


def test_the_page_claims_nothing_that_nobody_gave() -> None:
    assert "certified" not in text_of(PAGE).lower()

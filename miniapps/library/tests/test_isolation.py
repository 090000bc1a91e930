"""The library needs the SDK and nothing else: whatever it uses, a stranger can use."""

import ast
import json
import subprocess
import sys
from pathlib import Path

from miniapp_library.app import HERE

PLATFORM = {"app_server", "card_wallet", "notifications", "personal_space", "tests"}


def test_it_imports_the_sdk_and_the_standard_library_only() -> None:
    imported: set[str] = set()
    for file in HERE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").partition(".")[0])
    assert imported - sys.stdlib_module_names == {"banyan_sdk", "miniapp_library"}


def test_nothing_of_the_platform_is_loaded_beside_it(tmp_path: Path) -> None:
    code = "import miniapp_library.app as a, sys, json; a.library(); print(json.dumps(sorted(sys.modules)))"
    source = str(HERE.parent)
    program = f"import sys; sys.path.insert(0, {source!r}); {code}"
    ended = subprocess.run(
        [sys.executable, "-P", "-c", program], cwd=tmp_path, capture_output=True, timeout=60, check=True
    )
    loaded = {name.partition(".")[0] for name in json.loads(ended.stdout)}
    assert "banyan_sdk" in loaded
    assert not loaded & PLATFORM

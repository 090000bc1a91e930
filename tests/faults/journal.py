"""What the outside was promised: every acknowledged operation, on disk before the driver goes on."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any


class Journal:
    """An append-only file, fsynced line by line; `entries` reads it back from the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.acknowledged = 0
        self.repeats = 0  # operations that had to be sent again before they were answered

    def write(self, kind: str, **facts: Any) -> None:
        """The city said yes to this."""
        os.write(self._file, json.dumps({"kind": kind, **facts}, default=str).encode() + b"\n")
        os.fsync(self._file)
        self.acknowledged += 1

    def entries(self, kind: str) -> list[dict[str, Any]]:
        """All acknowledged operations of a kind, in their order."""
        return [entry for entry in map(json.loads, self._path.read_text().splitlines()) if entry["kind"] == kind]

    def counts(self) -> dict[str, int]:
        """How many of each kind."""
        return dict(Counter(json.loads(line)["kind"] for line in self._path.read_text().splitlines()))

    def close(self) -> None:
        """Nothing more comes."""
        os.close(self._file)

"""The files that pages load, in memory: typed, compressed once, and named by the build they belong to.

`/static/<build>/…` may be kept for a year, because another build has another address; ES modules import one another
relatively and so stay within one build.
"""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import orjson

from app_server.kernel.languages import LANGUAGES
from app_server.pages.messages import messages

FOLDER = Path(__file__).parent.parent / "static"

_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".png": "image/png",
    ".wasm": "application/wasm",
}
_COMPRESSED = frozenset({".js", ".css", ".svg", ".json", ".wasm"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One file as it goes over the wire; `packed` is None where compressing it gains nothing."""

    body: bytes
    packed: bytes | None
    media_type: str
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    """All files of a build: `files` by their path under `static/`, `catalogues` by locale."""

    build: str
    files: dict[str, Asset]
    catalogues: dict[str, Asset]

    def url(self, path: str) -> str:
        """The address of a file in this build. A file that does not exist is a fault of the page: `KeyError`."""
        if path not in self.files:
            raise KeyError(path)
        return f"/static/{self.build}/{path}"


@cache
def assets() -> Assets:
    """The files as they were when the process first asked."""
    files = {
        path.relative_to(FOLDER).as_posix(): _asset(path.read_bytes(), path.suffix)
        for path in sorted(FOLDER.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }
    catalogues = {locale: _asset(orjson.dumps(messages(locale).tree), ".json") for locale in LANGUAGES}
    digest = hashlib.sha256()
    for name, asset in [*files.items(), *catalogues.items()]:
        digest.update(f"{name} {asset.etag}\n".encode())
    return Assets(build=digest.hexdigest()[:12], files=files, catalogues=catalogues)


def _asset(body: bytes, suffix: str) -> Asset:
    packed = gzip.compress(body, mtime=0) if suffix in _COMPRESSED else None
    return Asset(
        body=body,
        packed=packed if packed and len(packed) < len(body) else None,
        media_type=_TYPES.get(suffix) or mimetypes.types_map.get(suffix, "application/octet-stream"),
        etag=f'"{hashlib.sha256(body).hexdigest()[:20]}"',
    )

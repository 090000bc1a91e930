"""The page files of a mini-app: served as they are, and checked for what the content policy would stop."""

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from banyan_sdk import speech
from banyan_sdk.manifest import Finding, Severity

BRIDGE = Path(__file__).parent / "bridge"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
_OURS = {"bridge.js": "banyan.js", "plain.js": "plain.js", "plain.css": "plain.css"}


class Pages:
    """Files below one folder. Only the types above, no dot files, nothing outside the folder, also not by a link."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder.resolve() if folder is not None and folder.is_dir() else None

    def find(self, path: str) -> Path | None:
        """The file for an address: `/` is index.html, `/loans` is loans.html, anything with an ending is itself."""
        if self.folder is None:
            return None
        parts = [part for part in path.split("/") if part]
        if any(part.startswith(".") or "\\" in part or "\0" in part for part in parts):
            return None
        name = "/".join(parts) or "index"
        file = (self.folder / (name if Path(name).suffix else f"{name}.html")).resolve()
        return file if file.is_relative_to(self.folder) and file.suffix in TYPES and file.is_file() else None

    def plain(self) -> Path:
        """The page for those that have no file: it shows what the page's handler returns."""
        return BRIDGE / "plain.html"

    def ours(self, name: str) -> Path | None:
        """What the SDK serves below /.banyan/."""
        return BRIDGE / _OURS[name] if name in _OURS else None


def send(file: Path, request: Request, shell: str) -> Response:
    """The file, or 304 when the browser has it; always asked for again, so that a new release shows at once.

    The bridge learns from it which origin it may talk to: `shell`, the platform's.
    """
    stat = file.stat()
    content, tag = _content(file, stat.st_mtime_ns, stat.st_size, shell if file.parent == BRIDGE else "")
    headers = {
        "etag": tag,
        "cache-control": "no-cache",
        "x-content-type-options": "nosniff",
        "vary": "authorization",
    }
    if tag in [given.strip().removeprefix("W/") for given in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers | {"content-type": TYPES[file.suffix]})


@lru_cache(maxsize=512)
def _content(file: Path, changed: int, size: int, shell: str) -> tuple[bytes, str]:
    content = file.read_bytes()
    if shell:
        content = content.replace(b"banyan:shell-origin", shell.encode())
    return content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def lint(folder: Path) -> list[Finding]:
    """What in the pages the platform's content policy would stop, as findings with the file as pointer."""
    found = []
    for file in sorted(folder.rglob("*.html")):
        reader = _Reader()
        reader.feed(file.read_text(encoding="utf-8"))
        for line, rule, message, mend in reader.found:
            pointer = f"{file.relative_to(folder)}:{line}"
            found.append(Finding(rule=rule, pointer=pointer, severity=Severity.ERROR, message=message, mend=mend))
    return found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        line = self.getpos()[0]
        self.found.extend((line, *mistake) for mistake in _mistakes(tag, dict(attrs)))


def _mistakes(tag: str, attributes: dict[str, str | None]) -> Iterator[tuple[str, str, str]]:
    if tag == "script" and not attributes.get("src"):
        yield "inline-script", speech.INLINE_SCRIPT, speech.INLINE_SCRIPT_MEND
    if tag == "style" or "style" in attributes:
        yield "inline-style", speech.INLINE_STYLE, speech.INLINE_STYLE_MEND
    for name in attributes:
        if name.startswith("on"):
            yield "inline-handler", speech.INLINE_HANDLER.format(name=name), speech.INLINE_HANDLER_MEND
    url = attributes.get("href" if tag == "link" else "src") or ""
    if url.startswith(("http:", "https:", "//")) and tag in {"script", "link", "img", "audio", "video", "source"}:
        yield "foreign-source", speech.FOREIGN_SOURCE.format(url=url), speech.FOREIGN_SOURCE_MEND

"""Structured logs: an event name and ids, one JSON object a line; never bodies, codes, tokens, phone or ID numbers."""

import logging
import re
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import orjson

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

_SECRET_NAMES = re.compile(
    r"phone|token|code$|^code|secret|password|cookie|authorization|body|assertion|session$", re.I
)
_SECRET_SHAPES = re.compile(
    r"\+?\d{11,18}[Xx]?\b"  # phone and ID numbers
    r"|eyJ[\w-]+\.[\w-]+\.[\w-]+"  # tokens
    r"|BC1:\S+"  # card codes
    r"|\b(?:bs|br|bv)_[\w-]{20,}"  # opaque tokens of ours
    r"|(?<=for query argument \$)\d+: .*"  # what asyncpg repeats of a value that it could not send
    r"|(?<=\nDETAIL:  ).*"  # what PostgreSQL repeats of a row that it refused
    r"|(?<=input_value=).*(?=, input_type=)"  # what pydantic repeats
)


class Logger:
    """Log an event by name with its ids: `log.info("card_presented", card_id=card.id)`."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, event: str, **ids: object) -> None:
        """For developers."""
        self._logger.debug(event, extra={"ids": ids})

    def info(self, event: str, **ids: object) -> None:
        """Something happened as it should."""
        self._logger.info(event, extra={"ids": ids})

    def warning(self, event: str, **ids: object) -> None:
        """Something is amiss and was dealt with."""
        self._logger.warning(event, extra={"ids": ids})

    def error(self, event: str, *, error: BaseException | None = None, **ids: object) -> None:
        """Something failed that should not have; the traceback goes along."""
        self._logger.error(event, extra={"ids": ids}, exc_info=error)


def logger(name: str) -> Logger:
    """The logger of one module."""
    return Logger(name)


def redact(text: str) -> str:
    """The text without phone and ID numbers, tokens, card codes, and without values that a library refused."""
    return _SECRET_SHAPES.sub("…", text)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: at, level, logger, event, request_id, the ids."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of JSON."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": redact(record.getMessage()),
        }
        if current := request_id.get():
            line["request_id"] = current
        for name, value in getattr(record, "ids", {}).items():
            line[name] = "…" if _SECRET_NAMES.search(name) else _plain(value)
        if record.exc_info:
            line["traceback"] = redact(self.formatException(record.exc_info))
        return orjson.dumps(line).decode()


def configure(level: str) -> None:
    """Send all logs, ours and the libraries', to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("tortoise", "apscheduler", "docket", "httpx", "httpx2", "httpcore", "uvicorn.access", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact(str(value)) if not _is_uuid(value) else str(value)


def _is_uuid(value: object) -> bool:
    return type(value).__name__ == "UUID"

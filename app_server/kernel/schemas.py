"""The edge of a route: read what was sent, reply with what was made, page through lists, compare versions."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.responses import Response

from app_server.kernel.problems import (
    BadCursor,
    BodyTooLarge,
    FieldError,
    MalformedJson,
    PreconditionFailed,
    UnsupportedMediaType,
    ValidationFailed,
)
from app_server.kernel.remedies import pointer, remedy
from app_server.kernel.state import AppRequest

MAX_BODY = 64 * 1024
MAX_PAGE = 100


class Schema(BaseModel):
    """What goes over the wire. An unknown member is refused, so that a misspelt one is noticed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


S = TypeVar("S", bound=BaseModel)
ItemT = TypeVar("ItemT")
RowT = TypeVar("RowT", bound=Mapping[str, Any])
PlaceT = TypeVar("PlaceT", str, int, datetime, UUID)


class Page(Schema, Generic[ItemT]):
    """A part of a list. `next` goes into `?cursor=` for the part after; null at the end."""

    items: list[ItemT]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """Which part of a list is asked for: after the decoded cursor, at most `limit` items."""

    after: tuple[Any, ...] | None
    limit: int

    def place(self, kind: type[PlaceT]) -> PlaceT | None:
        """The value after which the part begins; None at the start. Raises `bad_cursor` for another list's cursor."""
        if self.after is None:
            return None
        if len(self.after) != 1 or not isinstance(self.after[0], kind):
            raise BadCursor()
        return self.after[0]

    def part(self, rows: Sequence[RowT], *members: str) -> tuple[Sequence[RowT], str | None]:
        """Of at most `limit + 1` rows those of this part, and the cursor of the next one, made of these members."""
        shown = rows[: self.limit]
        more = len(rows) > self.limit
        return shown, encode_cursor(*(shown[-1][member] for member in members)) if more else None


async def read(request: AppRequest, schema: type[S], *, most: int = MAX_BODY) -> S:
    """The request's JSON body. Problems: `unsupported_media_type`, `body_too_large`, `malformed_json`,
    `validation_failed` naming every field.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise UnsupportedMediaType("Send JSON, with the header Content-Type: application/json.")
    return parse(schema, await read_bytes(request, most=most))


async def read_form(request: AppRequest) -> dict[str, str]:
    """The fields of a URL-encoded form; a field that stands twice is refused, and so is any other content type."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/x-www-form-urlencoded":
        raise UnsupportedMediaType("Send a form, with Content-Type: application/x-www-form-urlencoded.")
    body = await read_bytes(request, most=MAX_BODY)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=50)
    except ValueError:
        raise ValidationFailed("The form is not URL-encoded UTF-8 text.") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        twice = sorted({name for name, _ in pairs if [n for n, _ in pairs].count(name) > 1})
        raise ValidationFailed(errors=[FieldError(pointer=pointer((name,)), detail="Send it once.") for name in twice])
    return fields


async def read_bytes(request: AppRequest, *, most: int) -> bytes:
    """The body, refused as soon as it grows over `most` bytes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise BodyTooLarge(f"At most {most} bytes are accepted here.")
    return bytes(body)


def parse(schema: type[S], body: bytes) -> S:
    """The JSON text as `schema`."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise MalformedJson() from None
    try:
        return schema.model_validate_json(body) if isinstance(document, dict) else schema.model_validate(document)
    except ValidationError as error:
        raise validation_failed(error) from None


def validation_failed(error: ValidationError) -> ValidationFailed:
    """Pydantic's findings as a problem; the values themselves are not repeated."""
    return ValidationFailed(
        errors=[
            FieldError(pointer=pointer(e["loc"]), detail=remedy(e["type"], e.get("ctx", {}), e["msg"]))
            for e in error.errors(include_url=False, include_input=False)
        ]
    )


def reply(
    content: BaseModel | Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON answer; not to be cached by anybody, since it is somebody's.

    A hot list is given as plain dicts of what its schema says; both come out the same.
    """
    body = content.model_dump(mode="json") if isinstance(content, BaseModel) else content
    return _Json(orjson.dumps(body, option=orjson.OPT_UTC_Z), status, headers)


class _Json(Response):
    """Starlette's, with the headers of nearly every answer ready made."""

    media_type = "application/json"

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        if headers:
            super().init_headers({"cache-control": "no-store", **headers})
        else:
            length = b"%d" % len(self.body)
            self.raw_headers = [_NO_STORE, (b"content-length", length), _CONTENT_TYPE]


_NO_STORE = (b"cache-control", b"no-store")
_CONTENT_TYPE = (b"content-type", b"application/json")


def no_content() -> Response:
    """204."""
    return Response(status_code=204)


def page_request(request: AppRequest, default: int = 20) -> PageRequest:
    """`?cursor=` and `?limit=` (1 to 100). Problems: `bad_cursor`, `validation_failed`."""
    text = request.query_params.get("limit")
    if text is not None and not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MAX_PAGE):
        raise ValidationFailed(errors=[FieldError(pointer="/limit", detail=f"A number from 1 to {MAX_PAGE}.")])
    cursor = request.query_params.get("cursor")
    return PageRequest(after=decode_cursor(cursor) if cursor else None, limit=int(text) if text else default)


def encode_cursor(*values: str | int | datetime | UUID) -> str:
    """The place in a list after the item with these sort values, opaque to the client."""
    return base64.urlsafe_b64encode(orjson.dumps([_tagged(value) for value in values])).rstrip(b"=").decode()


def decode_cursor(cursor: str) -> tuple[Any, ...]:
    """The values that `encode_cursor` was given, in their types. Raises `bad_cursor`."""
    try:
        tagged = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        place = tuple(_TYPES[tag](value) for tag, value in tagged)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        raise BadCursor() from None
    if not place:
        raise BadCursor()
    return place


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment.astimezone(UTC)


_TYPES: dict[str, Any] = {"s": str, "i": int, "t": _moment, "u": UUID}


def _tagged(value: str | int | datetime | UUID) -> tuple[str, str | int]:
    if isinstance(value, datetime):
        return "t", value.isoformat()
    if isinstance(value, UUID):
        return "u", str(value)
    return ("i", value) if isinstance(value, int) else ("s", value)


def entity_tag(version: int) -> str:
    """The ETag (RFC 9110 §8.8.3) of a thing with that version."""
    return f'"{version}"'


def require_match(request: AppRequest, version: int) -> None:
    """Raise `precondition_failed` when the request carries If-Match and it names another version."""
    wanted = request.headers.get("if-match")
    if wanted is not None and wanted.strip() not in ("*", entity_tag(version)):
        raise PreconditionFailed()


def matched_version(request: AppRequest) -> int | None:
    """The version that the If-Match header names; None without one or with `*`. Raises `precondition_failed`."""
    wanted = request.headers.get("if-match", "*").strip()
    if wanted == "*":
        return None
    digits = wanted.removeprefix('"').removesuffix('"')
    if not digits.isascii() or not digits.isdigit():
        raise PreconditionFailed()
    return int(digits[:10])

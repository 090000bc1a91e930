"""A refused field is named with what to do about it, in words, whatever was wrong."""

from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import AfterValidator, Field

from app_server.kernel.problems import ValidationFailed
from app_server.kernel.schemas import Schema, parse
from app_server.kernel.text import OneLine


class Order(Schema):
    name: OneLine = Field(min_length=2, max_length=5)
    id: UUID | None = None
    many: int = Field(1, ge=1, le=9)
    kind: Literal["book", "map"] = "book"
    gift: bool = False
    lines: list[str] = Field(default=[], max_length=1)
    code: Annotated[str, AfterValidator(lambda code: code), Field(pattern=r"^\d+$")] = "1"


@pytest.mark.parametrize(
    ("sent", "place", "said"),
    [
        (b"{}", "/name", "It is needed: send it."),
        (b'{"name":7}', "/name", "Send a text."),
        (b'{"name":"abcdef"}', "/name", "Send at most 5 characters."),
        (b'{"name":"a"}', "/name", "Send at least 2 characters."),
        (b'{"name":"a\\u202eb"}', "/name", "Leave out the characters that cannot be seen."),
        (b'{"name":"ab","x/y~":1}', "/x~1y~0", "Nothing of this name is taken here: leave it out."),
        (b'{"name":"ab","id":"7"}', "/id", "Send an id as this API gives it: a UUID."),
        (b'{"name":"ab","many":"x"}', "/many", "Send a whole number."),
        (b'{"name":"ab","many":1.5}', "/many", "Send a whole number."),
        (b'{"name":"ab","many":0}', "/many", "Send 1 or more."),
        (b'{"name":"ab","many":10}', "/many", "Send 9 or less."),
        (b'{"name":"ab","kind":"x"}', "/kind", "Send one of: book or map."),
        (b'{"name":"ab","gift":"x"}', "/gift", "Send true or false."),
        (b'{"name":"ab","lines":{}}', "/lines", "Send a list."),
        (b'{"name":"ab","lines":["a","b"]}', "/lines", "Send at most 1."),
        (b'{"name":"ab","code":"x"}', "/code", r"It does not have the form that is wanted: ^\d+$"),
        (b"[]", "", "Send an object."),
    ],
)
def test_what_is_refused_says_where_and_what_to_do(sent: bytes, place: str, said: str) -> None:
    assert errors_of(sent) == [{"pointer": place, "detail": said}]


def test_every_mistake_is_told_at_once() -> None:
    errors = errors_of(b'{"many":0,"gift":7}')
    assert sorted(error["pointer"] for error in errors) == ["/gift", "/many", "/name"]


def errors_of(sent: bytes) -> Any:
    with pytest.raises(ValidationFailed) as refused:
        parse(Order, sent)
    return refused.value.document("http://city", None)["errors"]

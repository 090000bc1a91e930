"""Reading what was sent: whole, within bounds, and as a type."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from banyan_sdk.manifest_rules import escape
from banyan_sdk.problems import Invalid, TooLarge

LARGEST_BODY = 1 << 20  # bytes

Model = TypeVar("Model", bound=BaseModel)


async def read(request: Request, model: type[Model]) -> Model:
    """The request's JSON body as a pydantic model; raises Invalid with every mistake and its JSON pointer."""
    return parsed(await body_of(request), model)


async def body_of(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise TooLarge
    return body


def parsed(body: bytes, model: type[Model]) -> Model:
    try:
        return model.model_validate_json(body)
    except ValidationError as refused:
        mistakes = refused.errors(include_url=False, include_context=False, include_input=False)
        errors = [
            {"pointer": "".join(f"/{escape(part)}" for part in one["loc"]), "detail": one["msg"]} for one in mistakes
        ]
        raise Invalid(errors=errors) from None

"""What a mini-app answers when it cannot do what was asked: `application/problem+json` (RFC 9457)."""

import json
from collections.abc import Mapping
from typing import ClassVar

from starlette.responses import Response


class Problem(Exception):
    """Something went wrong."""

    # A subclass is one problem: its docstring is the title that people read, `code` is what programs compare.
    code: ClassVar[str] = "problem"
    status: ClassVar[int] = 400

    def __init__(
        self, detail: str | None = None, *, headers: Mapping[str, str] | None = None, **members: object
    ) -> None:
        super().__init__(detail or self.title())
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members

    @classmethod
    def title(cls) -> str:
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0]


class NotFound(Problem):
    """There is nothing here."""

    code = "not_found"
    status = 404


class MethodNotAllowed(Problem):
    """This address does not do that."""

    code = "method_not_allowed"
    status = 405


class Invalid(Problem):
    """What was sent is not what this address takes."""

    code = "invalid_request"
    status = 400


class TooLarge(Problem):
    """What was sent is too large."""

    code = "too_large"
    status = 413


class SessionNeeded(Problem):
    """Please open this service again from the city app."""

    code = "session_needed"
    status = 401


class NotFromThePlatform(Problem):
    """This address only answers the platform."""

    code = "not_from_the_platform"
    status = 401


class ExchangeRefused(Problem):
    """The launch has been used or has run out. Open the service again."""

    code = "launch_refused"
    status = 403


class CityUnreachable(Problem):
    """The city platform does not answer at the moment. Try again shortly."""

    code = "platform_unavailable"
    status = 503


class Unexpected(Problem):
    """Something went wrong on our side. Please try again."""

    code = "internal_error"
    status = 500


def render(problem: Problem, request_id: str | None = None) -> Response:
    """The one place where a problem becomes an answer."""
    document: dict[str, object] = {
        "type": f"urn:banyan:problem:{problem.code}",
        "title": problem.title(),
        "status": problem.status,
        "code": problem.code,
        **({"detail": problem.detail} if problem.detail else {}),
        **({"request_id": request_id} if request_id else {}),
        **problem.members,
    }
    body = json.dumps(document, ensure_ascii=False).encode()
    return Response(body, problem.status, problem.headers, media_type="application/problem+json")

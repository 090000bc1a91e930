"""Refusals a person can act on: RFC 9457 problem details, rendered in one place.

A problem is a class; its docstring is the title that the person reads, `code` its stable name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """What is wrong with one member of the request: its JSON Pointer (RFC 6901) and the remedy."""

    pointer: str
    detail: str


class Problem(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "problem"
    status: ClassVar[int] = 500

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        **members: object,
    ) -> None:
        super().__init__(detail or self.title())
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.members = members

    @classmethod
    def title(cls) -> str:
        """What the person reads: the first paragraph of the docstring, on one line."""
        return " ".join((cls.__doc__ or "").split("\n\n")[0].split())

    def document(self, base_url: str, request_id: str | None) -> dict[str, object]:
        """The members of the problem document (RFC 9457 §3)."""
        document: dict[str, object] = {
            "type": f"{base_url}/problems/{self.code}",
            "title": self.title(),
            "status": self.status,
            "code": self.code,
        }
        if self.detail:
            document["detail"] = self.detail
        if self.errors:
            document["errors"] = [{"pointer": e.pointer, "detail": e.detail} for e in self.errors]
        if request_id:
            document["request_id"] = request_id
        return document | self.members


def all_problems() -> list[type[Problem]]:
    """Every problem class that has been imported, by code."""
    found: dict[str, type[Problem]] = {}
    waiting = list(Problem.__subclasses__())
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        if "code" in kind.__dict__:
            found[kind.code] = kind
    return [found[code] for code in sorted(found)]


class ValidationFailed(Problem):
    """Some of what was sent is not right. Correct the fields named and send it again."""

    code = "validation_failed"
    status = 400


class MalformedJson(Problem):
    """The body is not valid JSON. Send an object, with the content type application/json."""

    code = "malformed_json"
    status = 400


class BodyTooLarge(Problem):
    """The body is larger than this address accepts. Send less."""

    code = "body_too_large"
    status = 413


class UnsupportedMediaType(Problem):
    """This address does not take that content type. Use the one named."""

    code = "unsupported_media_type"
    status = 415


class BadCursor(Problem):
    """The cursor is not one that this list gave out. Start again without it."""

    code = "bad_cursor"
    status = 400


class SignInRequired(Problem):
    """You are not signed in, or no longer. Sign in, then try again."""

    code = "sign_in_required"
    status = 401


class NotForThisAccount(Problem):
    """This is not open to the account you are signed in with."""

    code = "not_for_this_account"
    status = 403


class InsufficientScope(Problem):
    """The token does not carry the scope that this needs."""

    code = "insufficient_scope"
    status = 403


class NotOnBehalf(Problem):
    """This cannot be done for another. Go back to yourself first."""

    code = "not_on_behalf"
    status = 403


class MandateTooNarrow(Problem):
    """Your mandate does not reach so far. Ask the one you act for, or do what it is for."""

    code = "mandate_too_narrow"
    status = 403


class ActingChanged(Problem):
    """You changed in another window for whom you act, so this was not done. Load the page again."""

    code = "acting_changed"
    status = 409


class CrossSiteRequest(Problem):
    """The request came from another site and was not carried out. Open the page of this city and try there."""

    code = "cross_site_request"
    status = 403


class NotFound(Problem):
    """There is nothing here, or it is not yours."""

    code = "not_found"
    status = 404


class MethodNotAllowed(Problem):
    """This address does not do that. The Allow header says what it does."""

    code = "method_not_allowed"
    status = 405


class Conflict(Problem):
    """That does not go with what is already there."""

    code = "conflict"
    status = 409


class PreconditionFailed(Problem):
    """Somebody changed it in the meantime. Load it again, then make your change."""

    code = "precondition_failed"
    status = 412


class IdempotencyKeyReused(Problem):
    """This idempotency key was used for another request. Use a new key for new content."""

    code = "idempotency_key_reused"
    status = 422


class IdempotencyKeyRequired(Problem):
    """This write needs an Idempotency-Key header, so that a repeat does not act twice. Send a random one."""

    code = "idempotency_key_required"
    status = 400


class TooManyRequests(Problem):
    """That was too often. Wait as long as Retry-After says, then try again."""

    code = "too_many_requests"
    status = 429


class InternalError(Problem):
    """Something went wrong on our side. Nothing you did; try again, and tell us the reference number if it stays."""

    code = "internal_error"
    status = 500


class TemporarilyUnavailable(Problem):
    """A part of the city's system is away for a moment. Nothing was lost; try again shortly."""

    code = "temporarily_unavailable"
    status = 503

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, headers={"Retry-After": "2"})

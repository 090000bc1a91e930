"""What a handler is given: who opened the mini-app, and what the platform told it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """A resident who opened this mini-app; everything in it was verified.

    `sub` is this resident's name for you alone: another mini-app sees another one. `name` is None unless
    `profile:read` was granted.
    """

    sub: str
    name: str | None
    locale: str
    scopes: frozenset[str]
    launch_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened on the platform. Handlers see each `id` at least once, nearly always exactly once:
    only a handler that a crash cut short sees its event again."""

    id: str
    type: str
    timestamp: datetime
    data: dict[str, Any]

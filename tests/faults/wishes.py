"""What a test wishes of a route, and how it counts what came of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2

from app_server.kernel.ids import uuid7
from tests.faults.scene import Scene


@dataclass(frozen=True, kw_only=True)
class Wish:
    """One request, and the question that a kept effect answers: how many there are."""

    path: str
    headers: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    effects: Callable[[httpx2.Response | None], Awaitable[int]] | None = None

    @property
    def repeatable(self) -> bool:
        """Whether the same request may be sent again and acts once."""
        return "idempotency-key" in self.headers


@dataclass(frozen=True, kw_only=True)
class Write:
    """A route, and how to wish something of it."""

    method: str
    route: str
    wish: Callable[[Scene], Awaitable[Wish]]


WRITES: list[Write] = []
Maker = Callable[[Scene], Awaitable[Wish]]


def write(method: str, route: str) -> Callable[[Maker], Maker]:
    """Declare the wish of a route."""

    def declare(maker: Maker) -> Maker:
        WRITES.append(Write(method=method, route=route, wish=maker))
        return maker

    return declare


def count(scene: Scene, sql: str, *values: object) -> Callable[[httpx2.Response | None], Awaitable[int]]:
    """How many rows there are, whatever was answered."""

    async def ask(answer: httpx2.Response | None) -> int:
        return len(await scene.city.rows(sql, *values))

    return ask


def with_key(headers: dict[str, str]) -> dict[str, str]:
    """The same, with an idempotency key of its own."""
    return headers | {"idempotency-key": str(uuid7())}

"""Routes as data, found by a trie of path segments: four hundred cost what one costs."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from starlette.types import ASGIApp

from app_server.kernel import cross_origin
from app_server.kernel.problems import MethodNotAllowed, NotFound, Problem
from app_server.kernel.state import AppRequest

Endpoint = Callable[[AppRequest], Awaitable[ASGIApp]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method on one path. Path parameters: `{name}`, `{name:uuid}`, and `{name:path}` for all that follows.

    With `cross_origin` pages of every origin may ask it, without cookies.
    """

    method: str
    path: str
    endpoint: Endpoint
    cross_origin: bool = False


def get(path: str, endpoint: Endpoint, *, cross_origin: bool = False) -> Route:
    """Reads; HEAD is answered too."""
    return Route(method="GET", path=path, endpoint=endpoint, cross_origin=cross_origin)


def post(path: str, endpoint: Endpoint, *, cross_origin: bool = False) -> Route:
    """Adds or does."""
    return Route(method="POST", path=path, endpoint=endpoint, cross_origin=cross_origin)


def put(path: str, endpoint: Endpoint) -> Route:
    """Sets."""
    return Route(method="PUT", path=path, endpoint=endpoint)


def patch(path: str, endpoint: Endpoint) -> Route:
    """Changes a part."""
    return Route(method="PATCH", path=path, endpoint=endpoint)


def delete(path: str, endpoint: Endpoint) -> Route:
    """Removes."""
    return Route(method="DELETE", path=path, endpoint=endpoint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What OpenAPI says of a route beside its docstring."""

    body: type[BaseModel] | None = None
    reply: type[BaseModel] | None = None
    status: int = 200
    media_type: str = "application/json"
    body_media_types: Sequence[str] = ("application/json",)
    query: Sequence[str] = ()
    problems: Sequence[type[Problem]] = ()
    refusals: Mapping[int, type[BaseModel]] = field(default_factory=dict)


def describe(
    *,
    body: type[BaseModel] | None = None,
    reply: type[BaseModel] | None = None,
    status: int = 200,
    media_type: str = "application/json",
    body_media_types: Sequence[str] = ("application/json",),
    query: Sequence[str] = (),
    problems: Sequence[type[Problem]] = (),
    refusals: Mapping[int, type[BaseModel]] | None = None,
) -> Callable[[Endpoint], Endpoint]:
    """Say what a route takes and gives. `query` names its query parameters (`cursor` and `limit` on every list).

    `refusals` are those in the form of another standard, by status; all others are problems.
    """
    description = Description(
        body=body,
        reply=reply,
        status=status,
        media_type=media_type,
        body_media_types=body_media_types,
        query=query,
        problems=problems,
        refusals=refusals or {},
    )

    def decorate(endpoint: Endpoint) -> Endpoint:
        endpoint.__describe__ = description  # type: ignore[attr-defined]
        return endpoint

    return decorate


@dataclass(slots=True)
class _Node:
    literals: dict[str, "_Node"] = field(default_factory=dict)
    parameter: "_Node | None" = None
    rest: "_Node | None" = None
    name: str = ""
    is_uuid: bool = False
    methods: dict[str, Route] = field(default_factory=dict)


class RouteTable:
    """All routes of a process."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._root = _Node()
        self._plain: dict[str, _Node] = {}
        for route in routes:
            self._add(route)

    def find(self, method: str, path: str) -> tuple[Route, dict[str, Any]]:
        """The route and its path parameters. Raises `not_found`, `method_not_allowed`."""
        parameters: dict[str, Any] = {}
        node = self._plain.get(path) or self._walk(self._root, path.split("/")[1:], 0, parameters)
        if node is None:
            raise NotFound()
        route = node.methods.get("GET" if method == "HEAD" else method)
        if route is None:
            raise MethodNotAllowed(headers={"Allow": ", ".join(sorted(node.methods))})
        return route, parameters

    def _walk(self, node: _Node, segments: list[str], index: int, parameters: dict[str, Any]) -> _Node | None:
        if index == len(segments):
            return node if node.methods else None
        segment = segments[index]
        literal = node.literals.get(segment)
        if literal and (found := self._walk(literal, segments, index + 1, parameters)):
            return found
        if segment and (child := node.parameter):
            value = _uuid(segment) if child.is_uuid else segment
            if value is not None and (found := self._walk(child, segments, index + 1, parameters)):
                parameters[child.name] = value
                return found
        if node.rest:
            parameters[node.rest.name] = "/".join(segments[index:])
            return node.rest
        return None

    def _add(self, route: Route) -> None:
        node = self._root
        segments = route.path.split("/")[1:]
        for segment in segments:
            if not segment.startswith("{"):
                node = node.literals.setdefault(segment, _Node())
                continue
            name, _, kind = segment[1:-1].partition(":")
            child = node.rest if kind == "path" else node.parameter
            child = child or _Node(name=name, is_uuid=kind == "uuid")
            if child.name != name or child.is_uuid != (kind == "uuid"):
                raise ValueError(f"{route.path} names a parameter otherwise than a route beside it")
            if kind == "path":
                node.rest = child
            else:
                node.parameter = child
            node = child
        if route.method in node.methods:
            raise ValueError(f"{route.method} {route.path} is there twice")
        node.methods[route.method] = route
        if route.cross_origin:
            node.methods["OPTIONS"] = Route(
                method="OPTIONS", path=route.path, endpoint=cross_origin.preflight, cross_origin=True
            )
        if "{" not in route.path:
            self._plain[route.path] = node


def _uuid(text: str) -> UUID | None:
    if len(text) != 36:
        return None
    try:
        return UUID(text)
    except ValueError:
        return None

"""OpenAPI 3.1, generated from the routes: what they admit, take, give and refuse."""

import re
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.responses import Response

from app_server.kernel.access import Access, Anonymous, MiniApp, Operator, Provider, Resident, Verifier, access
from app_server.kernel.problems import (
    BadCursor,
    BodyTooLarge,
    IdempotencyKeyReused,
    InsufficientScope,
    InternalError,
    MalformedJson,
    NotForThisAccount,
    NotFound,
    Problem,
    SignInRequired,
    TemporarilyUnavailable,
    UnsupportedMediaType,
    ValidationFailed,
)
from app_server.kernel.routing import Description, Route, describe, get
from app_server.kernel.schemas import reply
from app_server.kernel.state import AppRequest

API_PREFIXES = ("/v1/", "/oauth/", "/.well-known/", "/healthz", "/readyz", "/metrics", "/openapi.json")
SECURITY: dict[type[Any], dict[str, list[str]]] = {
    Resident: {"session": []},
    Operator: {"session": []},
    Provider: {"session": []},
    MiniApp: {"access_token": []},
    Verifier: {"reader": []},
}
PROBLEM_SCHEMA = {
    "type": "object",
    "description": "A refusal (RFC 9457); `code` is its stable name, `errors` says which members to mend.",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "request_id": {"type": "string", "format": "uuid"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}


def document(routes: list[Route], base_url: str = "http://localhost:8000") -> dict[str, Any]:
    """The document for the API routes among these (pages have none)."""
    api = [route for route in routes if route.path.startswith(API_PREFIXES)]
    names, definitions = _definitions(api)
    paths: dict[str, dict[str, Any]] = {}
    for route in sorted(api, key=lambda route: (route.path, route.method)):
        path = re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, names)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Banyan",
            "version": "1",
            "description": "The API of a city: residents, mini-apps, cards, notices.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": base_url}],
        "paths": paths,
        "components": {
            "schemas": {**definitions, "Problem": PROBLEM_SCHEMA},
            "securitySchemes": {
                "session": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A resident's access token; browsers send the cookie `banyan_session` instead.",
                },
                "access_token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A mini-app's token from POST /oauth/token.",
                },
                "reader": {"type": "http", "scheme": "bearer", "description": "The token of an enrolled reader."},
            },
        },
    }


def openapi_route(routes: list[Route]) -> Route:
    """`GET /openapi.json` for these routes and itself."""

    @access(Anonymous)
    @describe()
    async def openapi(request: AppRequest) -> Response:
        """This document."""
        base_url = request.state["settings"].base_url
        return reply(document([*routes, route], base_url), headers={"cache-control": "public, max-age=300"})

    route = get("/openapi.json", openapi)
    return route


def _operation(route: Route, names: dict[type[BaseModel], str]) -> dict[str, Any]:
    declared: Access = route.endpoint.__access__  # type: ignore[attr-defined]
    said: Description = getattr(route.endpoint, "__describe__", Description())
    title, _, rest = (route.endpoint.__doc__ or "").partition("\n")
    operation: dict[str, Any] = {
        "operationId": f"{route.method.lower()}_{re.sub(r'[^a-z0-9]+', '_', route.path.lower()).strip('_')}",
        "summary": title.strip().removesuffix("."),
        "tags": [_tag(route.path)],
        "responses": _responses(route, said, declared, names),
    }
    if rest.strip():
        operation["description"] = " ".join(rest.split())
    if parameters := _parameters(route, said):
        operation["parameters"] = parameters
    if said.body is not None or said.body_media_types != ("application/json",):
        schema = {"$ref": f"#/components/schemas/{names[said.body]}"} if said.body else {}
        operation["requestBody"] = {
            "required": True,
            "content": {media_type: {"schema": schema} for media_type in said.body_media_types},
        }
    operation["security"] = [SECURITY[kind] for kind in declared.kinds if kind in SECURITY]
    if Anonymous in declared.kinds:
        operation["security"].append({})
    if declared.scope:
        operation["x-scope"] = declared.scope
    return operation


def _parameters(route: Route, said: Description) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name, kind in re.findall(r"\{(\w+)(?::(\w+))?\}", route.path):
        schema: dict[str, Any] = {"type": "string", "format": "uuid"} if kind == "uuid" else {"type": "string"}
        found.append({"name": name, "in": "path", "required": True, "schema": schema})
    for name in said.query:
        schema = {"type": "integer", "minimum": 1, "maximum": 100} if name == "limit" else {"type": "string"}
        found.append({"name": name, "in": "query", "schema": schema})
    kept = getattr(route.endpoint, "__idempotency__", None)
    if kept:
        schema = {"type": "string", "maxLength": 128}
        found.append({"name": "Idempotency-Key", "in": "header", "required": kept == "required", "schema": schema})
    return found


def _responses(route: Route, said: Description, declared: Access, names: dict[type[BaseModel], str]) -> dict[str, Any]:
    success: dict[str, Any] = {"description": "As asked."}
    if said.status != 204:
        schema = {"$ref": f"#/components/schemas/{names[said.reply]}"} if said.reply else {}
        success["content"] = {said.media_type: {"schema": schema}}
    problems: list[type[Problem]] = [*said.problems, InternalError, TemporarilyUnavailable]
    if Anonymous not in declared.kinds:
        problems += [SignInRequired, NotForThisAccount]
    if declared.scope:
        problems.append(InsufficientScope)
    if said.body is not None:
        problems += [BodyTooLarge, MalformedJson, UnsupportedMediaType, ValidationFailed]
    if "application/x-www-form-urlencoded" in said.body_media_types:
        problems += [BodyTooLarge, UnsupportedMediaType, ValidationFailed]
    if "cursor" in said.query:
        problems += [BadCursor, ValidationFailed]
    if "{" in route.path:
        problems.append(NotFound)
    if hasattr(route.endpoint, "__idempotency__"):
        problems += [BodyTooLarge, IdempotencyKeyReused, ValidationFailed]
    responses: dict[str, Any] = {str(said.status): success}
    for problem in sorted(set(problems), key=lambda problem: (problem.status, problem.code)):
        entry = responses.setdefault(
            str(problem.status),
            {
                "description": "",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        )
        entry["description"] = f"{entry['description']}\n`{problem.code}`: {problem.title()}".strip()
    for status, model in said.refusals.items():
        entry = responses.setdefault(str(status), {"description": "", "content": {}})
        entry["description"] = f"{entry['description']}\n{(model.__doc__ or '').strip()}".strip()
        entry["content"]["application/json"] = {"schema": {"$ref": f"#/components/schemas/{names[model]}"}}
    return responses


def _definitions(routes: list[Route]) -> tuple[dict[type[BaseModel], str], dict[str, Any]]:
    models: dict[type[BaseModel], None] = {}
    for route in routes:
        said: Description = getattr(route.endpoint, "__describe__", Description())
        for model in (said.body, said.reply, *said.refusals.values()):
            if model is not None:
                models[model] = None
    wanted = sorted(models, key=lambda model: f"{model.__name__} {model.__module__}")
    inputs, schema = models_json_schema(
        [(model, "validation") for model in wanted], ref_template="#/components/schemas/{model}"
    )
    names = {model: inputs[(model, "validation")]["$ref"].rpartition("/")[2] for model in wanted}
    return names, schema.get("$defs", {})


def _tag(path: str) -> str:
    parts = path.strip("/").split("/")
    return parts[1] if parts[0] == "v1" and len(parts) > 1 else parts[0]

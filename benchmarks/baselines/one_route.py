"""Starlette with one route that answers a fixed JSON object: the frame that everybody has."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


async def healthz(request: Request) -> Response:
    """The same as ours answers."""
    return JSONResponse({"status": "alive", "database": "not asked", "redis": "not asked"})


def app() -> Starlette:
    """The application."""
    return Starlette(routes=[Route("/healthz", healthz)])

"""What a process holds for its life; every route and job gets it typed."""

import asyncio
from typing import TYPE_CHECKING, TypedDict

from starlette.requests import Request

from app_server.kernel.clock import Clock
from app_server.kernel.crypto import KeyRing
from app_server.kernel.redis import Redis
from app_server.kernel.settings import Settings

if TYPE_CHECKING:
    from app_server.kernel.authentication import Authenticator
    from app_server.kernel.ports import Ports


class AppState(TypedDict):
    """The kernel's part. A module that keeps an object of its own extends it and adds it in its lifespan."""

    settings: Settings
    keys: KeyRing
    clock: Clock
    redis: Redis
    authenticator: "Authenticator"
    ports: "Ports"
    shutdown: asyncio.Event


AppRequest = Request[AppState]

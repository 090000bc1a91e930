"""What a package offers the host."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from app_server.kernel.authentication import Credential
from app_server.kernel.jobs import Job, Schedule
from app_server.kernel.resealing import Sealed
from app_server.kernel.routing import Route
from app_server.kernel.state import AppState

Lifespan = Callable[[AppState], AbstractAsyncContextManager[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A package as `wiring.py` sees it. `lifespan` yields what the package adds to the process's state; `sealed` names
    every column with sealed values: one that it leaves out is lost when an old sealing key is dropped.
    """

    name: str
    routes: Sequence[Route] = ()
    jobs: Sequence[Job] = ()
    schedules: Sequence[Schedule] = ()
    credentials: Sequence[Credential] = ()
    sealed: Sequence[Sealed] = ()
    lifespan: Lifespan | None = field(default=None)

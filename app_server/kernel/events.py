"""Facts, and the outbox that carries them: what happened is written in the transaction that made it so.

The worker hands each fact to the reactions that `wiring.py` lists, each as a job of its own, so that one that fails is
repeated without the others.
"""

import dataclasses
import re
from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Protocol, TypeVar, get_type_hints
from uuid import UUID

import orjson

from app_server.kernel.ids import uuid7
from app_server.kernel.jobs import Job, enqueue
from app_server.kernel.metrics import OUTBOX_DELIVERED
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute, fetch, in_unit_of_work

PAGE = 200  # events handed over in one transaction


@dataclasses.dataclass(frozen=True, kw_only=True)
class Event:
    """A past-tense fact. Fields are text, numbers, booleans, UUIDs, aware datetimes, and lists or dicts of text."""

    name: ClassVar[str] = "event"

    def __init_subclass__(cls) -> None:
        cls.name = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


E = TypeVar("E", bound=Event)


class Reaction(Protocol):
    """What follows from a fact: runs in a unit of work, once; `event_id` names the occurrence."""

    __name__: str

    def __call__(self, event: Any, *, event_id: UUID, state: AppState) -> Awaitable[None]:
        """Do what follows."""


Reactions = Mapping[type[Event], Sequence[Reaction]]


async def record(event: Event) -> None:
    """Write the fact into the outbox, in the present unit of work."""
    await execute(
        "INSERT INTO core_outbox_event (id, name, payload, created_at) VALUES ($1, $2, $3::jsonb, now())",
        uuid7(),
        event.name,
        to_payload(event),
    )


def to_payload(event: Event) -> str:
    """The fact's fields as JSON text, for a statement that writes its outbox row itself."""
    return orjson.dumps(event, default=_plain).decode()


def from_payload(kind: type[E], payload: Mapping[str, Any]) -> E:
    """The fact again, with its types."""
    hints = get_type_hints(kind)
    return kind(**{f.name: _typed(hints[f.name], payload[f.name]) for f in dataclasses.fields(kind)})


def reaction_jobs(reactions: Reactions) -> list[Job]:
    """One job for each pair of event and reaction."""
    return [_job(kind, reaction) for kind, follow in reactions.items() for reaction in follow]


@in_unit_of_work
async def deliver_outbox(reactions: Reactions) -> int:
    """Turn the next page of facts into jobs; how many there were. Safe in any number of workers at once."""
    rows = await fetch(
        "SELECT id, name, payload FROM core_outbox_event WHERE delivered_at IS NULL"
        f" ORDER BY id LIMIT {PAGE} FOR UPDATE SKIP LOCKED"
    )
    if not rows:
        return 0
    by_name = {kind.name: follow for kind, follow in reactions.items()}
    for row in rows:
        for reaction in by_name.get(row["name"], ()):
            payload = {"event_id": str(row["id"]), "event": orjson.loads(row["payload"])}
            await enqueue(_job_name(row["name"], reaction), payload, unique_key=f"{row['id']}:{reaction.__name__}")
        OUTBOX_DELIVERED.labels(row["name"]).inc()
    await execute("UPDATE core_outbox_event SET delivered_at = now() WHERE id = ANY($1)", [row["id"] for row in rows])
    return len(rows)


def _job(kind: type[Event], reaction: Reaction) -> Job:
    async def react(payload: dict[str, Any], *, state: AppState) -> None:
        event = from_payload(kind, payload["event"])
        await reaction(event, event_id=UUID(payload["event_id"]), state=state)

    return Job(name=_job_name(kind.name, reaction), handler=react)


def _job_name(event_name: str, reaction: Reaction) -> str:
    return f"{event_name}.{reaction.__name__}"


def _plain(value: object) -> str:
    """The driver's own UUIDs are a subclass, which orjson leaves to us."""
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"an event cannot carry a {type(value).__name__}")


def _typed(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    options = getattr(hint, "__args__", ())
    if hint is UUID or (UUID in options and isinstance(value, str) and len(value) == 36):
        return UUID(value)
    if hint is datetime or datetime in options:
        return datetime.fromisoformat(value)
    return value

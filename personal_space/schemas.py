"""What the personal space says over the wire."""

from datetime import datetime
from uuid import UUID

from app_server.kernel.schemas import Schema


class Who(Schema):
    """Who looked: a miniapp, a verifier or an operator; `place` is where, if they have a place."""

    kind: str
    name: str
    place: str | None


class Look(Schema):
    """One look at the resident's data. `fields` are names, never values."""

    id: UUID
    at: datetime
    who: Who
    purpose: str
    fields: list[str]
    reference: str

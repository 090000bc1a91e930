"""What recoveries say over the wire."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from app_server.identity.recovery.models import Evidence
from app_server.kernel.schemas import Page, Schema


class OpenRecovery(Schema):
    """Who stands at the desk, by the number that they lost, and what showed who they are."""

    phone: str = Field(min_length=5, max_length=30)
    evidence: Evidence


class RecoveryView(Schema):
    """A recovery that has not ended. `ready_at` is null until another officer has approved it."""

    id: UUID
    resident_id: UUID
    evidence: Evidence
    opened_by: UUID
    opened_at: datetime
    ready_at: datetime | None


class OpenedRecovery(RecoveryView):
    """With the code for the resident, shown this once."""

    code: str


class RecoveryPage(Page[RecoveryView]):
    """Open recoveries, the newest first."""


class OwnRecovery(Schema):
    """A recovery of one's own account that somebody opened; null where there is none."""

    opened_at: datetime | None
    ready_at: datetime | None


class BeginRecovery(Schema):
    """The code of the counter, and the number that the account gets."""

    code: str = Field(min_length=1, max_length=40)
    phone: str = Field(min_length=5, max_length=30)


class CompleteRecovery(Schema):
    """The code of the counter, and the one that went to the new number."""

    code: str = Field(min_length=1, max_length=40)
    challenge_id: UUID
    phone_code: str = Field(pattern=r"^\s*\d{3}\s?\d{3}\s*$")

"""What changes of a number say over the wire."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from app_server.kernel.schemas import Schema


class BeginPhoneChange(Schema):
    """The number that the account shall have."""

    phone: str = Field(min_length=5, max_length=30, examples=["138 0000 0001"])


class ConfirmPhoneChange(Schema):
    """The six digits that went to the new number."""

    challenge_id: UUID
    code: str = Field(pattern=r"^\s*\d{3}\s?\d{3}\s*$")


class LatestPhoneChange(Schema):
    """A change of one's own number that can still be undone; null where there is none."""

    changed_at: datetime | None
    undo_until: datetime | None
    old_phone_masked: str | None

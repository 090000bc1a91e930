"""Identity levels over the wire."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app_server.identity.proofing.levels import Evidence, Method
from app_server.kernel.schemas import Schema
from app_server.kernel.text import OneLine


class CheckInRegister(Schema):
    """Name and citizen identification number as the identity card has them. The number is not kept."""

    name: OneLine = Field(min_length=1, max_length=60)
    id_number: str = Field(min_length=15, max_length=30)


class SeenInPerson(Schema):
    """What an officer saw: a document, and that it is this person's. The number is not kept."""

    name: OneLine = Field(min_length=1, max_length=60)
    evidence: Literal["id_card", "passport", "residence_permit"]
    document_number: OneLine = Field(min_length=5, max_length=30)
    birthdate: date | None = None
    valid_until: date | None = None


class Revoke(Schema):
    """Why a verification does not hold any more."""

    reason: Annotated[str, Field(min_length=3, max_length=500, pattern=r"\S")]


class ProofView(Schema):
    """A verification that stands."""

    id: UUID
    method: Method
    evidence: Evidence
    level: int
    verified_at: datetime
    valid_until: datetime | None


class Identity(Schema):
    """How well the city knows a resident, from 0 (a phone) to 3 (seen in person), and by what. `name` as verified."""

    level: int
    urn: str
    name: str | None
    proofs: list[ProofView]

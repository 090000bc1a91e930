"""What the wallet takes and gives over the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from app_server.kernel.schemas import Page, Schema
from app_server.kernel.text import OneLine

Line = Annotated[OneLine, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]


class FieldView(Schema):
    """One field of a card: its name, what it is called, what it says."""

    name: str
    label: str
    value: str


class CardView(Schema):
    """A card as its holder sees it."""

    id: UUID
    type: str
    app_id: str
    title: str
    issuer: str
    number_masked: str
    colour: str
    status: str
    fields: list[FieldView]
    issued_at: datetime
    expires_at: datetime | None
    version: int


CardPage = Page[CardView]


class CardCode(Schema):
    """The code that the phone shows now, in both forms. Ask for the next one after `refresh_in` seconds."""

    text: str
    spoken: str
    issued_at: datetime
    expires_at: datetime
    refresh_in: int


class IssuedCard(Schema):
    """A card as its issuer knows it."""

    id: UUID
    type: str
    status: str
    issued_at: datetime
    expires_at: datetime | None
    version: int


class VerifyCode(Schema):
    """What was scanned or typed. Scanners end with a line break, which is dropped."""

    code: Annotated[str, Field(max_length=4096)]


class VerifiedCard(Schema):
    """What kind of card it is."""

    type: str
    title: str
    status: str


class ReaderSummary(Schema):
    """Where it was read."""

    name: str
    place: str


class Verification(Schema):
    """The card is good; `fields` is what this reader may see of it."""

    id: UUID
    at: datetime
    card: VerifiedCard
    fields: list[FieldView]
    verifier: ReaderSummary


class CodeText(Schema):
    """What the code in the picture says."""

    text: str


class AddVerifier(Schema):
    """A new reader: what it is called, where it stands, whose cards it takes, and in which role."""

    name: Annotated[Line, Field(max_length=80)]
    place: Line
    app_id: Annotated[str, Field(max_length=30)]
    role: Annotated[str, Field(max_length=63)]


class EnrolmentCode(Schema):
    """A one-time code to type into the reader."""

    id: UUID
    enrolment_code: str
    expires_at: datetime


class VerifierView(Schema):
    """A reader."""

    id: UUID
    name: str
    place: str
    app_id: str
    role: str


class ListedVerifier(VerifierView):
    """A reader as those see it who manage it; `enrolled_at` is null while it waits for its code."""

    created_at: datetime
    enrolled_at: datetime | None


VerifierPage = Page[ListedVerifier]


class EnrolVerifier(Schema):
    """The one-time code, as it was handed over."""

    code: Annotated[str, Field(max_length=40)]


class EnrolledVerifier(Schema):
    """The reader that this device is now, and its token."""

    verifier: VerifierView
    token: str

"""What mandates say over the wire."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app_server.identity.acting.rules import Kind, Reach, Role, Side, State
from app_server.kernel.schemas import Page, Schema
from app_server.kernel.text import OneLine

Reason = Annotated[str, Field(min_length=3, max_length=500, pattern=r"\S")]
Phone = Annotated[str, Field(min_length=5, max_length=30, examples=["138 0000 0001"])]


class OfferMandate(Schema):
    """An offer to another person: `you_are` says who acts for whom.

    With `phone` only that number's owner can accept, and is told by text message; without one, whoever brings the code
    that is answered, and you confirm who it is. `app_ids` are the only services that it is for. Days are the city's;
    `until` is the last one.
    """

    kind: Literal[Kind.CAREGIVER, Kind.COUNTER]
    you_are: Side
    phone: Phone | None = None
    reach: Reach = Reach.LOOK
    app_ids: list[str] = Field(default_factory=list, max_length=20)
    starts_on: date | None = None
    until: date


class AcceptMandate(Schema):
    """Your yes. `code` is that of an open invitation."""

    code: str | None = Field(None, max_length=40)


class InvitationCode(Schema):
    """What stands under the QR code of an invitation."""

    code: str = Field(max_length=40, examples=["BCDF-GHJK-LMNP"])


class Party(Schema):
    """The other side: a name, or the phone number as far as it is shown; neither while nobody has accepted."""

    name: str | None
    phone_masked: str | None


class MandateView(Schema):
    """A mandate as one of its sides sees it.

    `waits_for` says whose acceptance is missing: principal, agent, or null. `app_ids` empty: all services, and the
    pages of the principal.
    """

    id: UUID
    kind: Kind
    role: Role | None
    state: State
    you_are: Side
    other: Party
    offered_by_you: bool
    waits_for: Side | None
    reach: Reach
    app_ids: list[str]
    starts_at: datetime
    until_at: datetime
    offered_at: datetime
    offer_expires_at: datetime
    ended_at: datetime | None
    ended_by: str | None


class MandatePage(Page[MandateView]):
    """Mandates, the newest first."""


class MandateOffer(Schema):
    """What was offered, and for an open invitation the code, which is shown this once."""

    mandate: MandateView
    code: str | None
    link: str | None


class UseView(Schema):
    """What was done under a mandate, by its name; each look at one thing counts once an hour."""

    id: UUID
    at: datetime
    who: str
    what: list[str]


class UsePage(Page[UseView]):
    """What was done, the latest first."""


class OpenDependant(Schema):
    """Somebody without a phone of their own, as an officer has checked; `birth_date` says when they are of age."""

    name: OneLine = Field(min_length=1, max_length=60)
    birth_date: date
    reason: Reason


class OpenCompany(Schema):
    """A legal person, as an officer has checked, by its unified social credit code (GB 32100)."""

    name: OneLine = Field(min_length=2, max_length=120)
    credit_code: str = Field(max_length=40, examples=["91350100M000100Y43"])
    reason: Reason


class AccountOpened(Schema):
    """The account's id: mandates are opened for it."""

    id: UUID


class OpenMandate(Schema):
    """Who may act for an account that was opened at a counter. `role` is an officer's, a legal representative's by
    default. A parent's ends at the latest when the child is of age; for the others give `until`.
    """

    kind: Literal[Kind.PARENT, Kind.WARD, Kind.OFFICER]
    principal_id: UUID
    phone: Phone
    role: Role | None = None
    until: date | None = None
    reason: Reason


class EndMandate(Schema):
    """Why an officer ends a mandate."""

    reason: Reason


class MandateOpened(Schema):
    """The mandate's id, and when it ends at the latest. The owner of the number accepts it."""

    id: UUID
    until_at: datetime


class OfferOffice(Schema):
    """An office in a company, offered to the owner of a number, who accepts it."""

    role: Role
    phone: Phone
    reach: Reach = Reach.ACT
    app_ids: list[str] = Field(default_factory=list, max_length=20)
    starts_on: date | None = None
    until: date

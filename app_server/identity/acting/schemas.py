"""What mandates say over the wire."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from app_server.identity.acting.rules import Kind, Reach, Role, Side, State
from app_server.kernel.schemas import Page, Schema
from app_server.kernel.text import OneLine

AppId = OneLine


class OfferMandate(Schema):
    """An offer to another person: `you_are` says who acts for whom.

    With `phone` only that number's owner can accept, and is told by text message; without one, whoever brings the code
    that is answered, and you confirm who it is. `app_ids` are the only services that it is for. Days are the city's;
    `until` is the last one.
    """

    kind: Literal[Kind.CAREGIVER, Kind.COUNTER]
    you_are: Side
    phone: str | None = Field(None, min_length=5, max_length=30, examples=["138 0000 0001"])
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

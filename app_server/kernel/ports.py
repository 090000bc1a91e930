"""What one domain module needs of a sibling, as protocols; `wiring.py` says who implements them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who looked at a resident's data. `kind` is miniapp, verifier, operator or agent: who acts for the resident."""

    kind: str
    id: str
    name: str
    place: str | None = None


class DataLedger(Protocol):
    """The book of who saw what."""

    async def record_look(
        self,
        *,
        resident_id: UUID,
        who: Viewer,
        purpose: str | Mapping[str, str],
        fields: Sequence[str],
        reference: str,
        at: datetime,
        mandate_id: UUID | None = None,
    ) -> None:
        """Write the look in the caller's unit of work; the data may be given only after. Once for a `reference`.

        `mandate_id` is the mandate that it was done under: both its sides see it.
        """

    async def looks_under(self, mandate_id: UUID, *, before: UUID | None, limit: int) -> Sequence[Mapping[str, Any]]:
        """What was done under a mandate, the latest first: rows of id, at, who_name, fields_seen (a list)."""


class SmsOutbox(Protocol):
    """Text messages."""

    async def queue_sms(self, *, to: str, text: str, unique_key: str, expires_at: datetime | None = None) -> None:
        """Queue a message in the caller's unit of work; once for a `unique_key`; not sent after `expires_at`."""


class Inbox(Protocol):
    """Notices to one resident."""

    async def deliver(
        self,
        *,
        resident_id: UUID,
        app_id: str | None,
        texts: Mapping[str, Mapping[str, str]],
        link: str | None,
        unique_key: str,
    ) -> UUID:
        """Put a notice into the inbox in the caller's unit of work; `texts` is locale → {title, body}."""


class PopulationRegister(Protocol):
    """The state's book of people."""

    async def knows(self, *, name: str, id_number: str) -> bool | None:
        """Whether it has this name with this citizen identification number; None when it cannot say now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideAnswer:
    """What an outside provider's server answered, whole."""

    status: int
    body: bytes


class OutsideCalls(Protocol):
    """The way to the servers of outside providers."""

    async def ask(
        self, url: str, *, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> OutsideAnswer | None:
        """Get `url`, or post a form to it, at an address on the public Internet; no redirect is followed.

        None when there is no whole answer in time; why stands in the log.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeRequest:
    """What a mini-app asks of a resident, and why; texts are locale → text."""

    scope: str
    purpose: Mapping[str, str]
    legal_basis: Mapping[str, str]
    retention: Mapping[str, str]
    required: bool


class Proof(StrEnum):
    """How a client proves at the token endpoint who it is (OpenID Connect Core §9)."""

    PRIVATE_KEY_JWT = "private_key_jwt"
    CLIENT_SECRET_BASIC = "client_secret_basic"  # only where the city allows it
    NONE = "none"  # it cannot keep a secret; PKCE alone binds its codes


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Who may have tokens: a published mini-app, or a client that a provider registered.

    `sector` is what its pairwise subjects are made from. `app_id` is its `client_id`. `post_logout_redirect_uris` are
    where it may have people led after they sign out; at `backchannel_logout_uri` it hears that a session has ended.
    With `device_flow` its screens may ask for a resident's phone (RFC 8628). With `dpop_bound` it
    gets tokens bound to a key, and no others (RFC 9449 §5.2).
    `secret_hashes` are those of the secrets that are good now.
    """

    app_id: str
    name: Mapping[str, str]
    origin: str
    sector: str
    redirect_uris: frozenset[str]
    proof: Proof
    public_keys: Mapping[str, EllipticCurvePublicKey | Ed25519PublicKey]
    scopes: Sequence[ScopeRequest]
    post_logout_redirect_uris: frozenset[str] = frozenset()
    device_flow: bool = False
    dpop_bound: bool = False
    secret_hashes: Sequence[str] = ()
    backchannel_logout_uri: str | None = None


class Clients(Protocol):
    """Who may have tokens now."""

    def find(self, app_id: str) -> Client | None:
        """The client, or None when there is none or it is not open to residents at present."""


@dataclass(frozen=True, slots=True)
class EitherClients:
    """Clients that are kept in two places; the first that knows one has it."""

    first: Clients
    second: Clients

    def find(self, app_id: str) -> Client | None:
        """The client, or None."""
        return self.first.find(app_id) or self.second.find(app_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The implementations of this process."""

    clients: Clients

    ledger: DataLedger
    sms: SmsOutbox
    inbox: Inbox
    register: PopulationRegister
    outside: OutsideCalls

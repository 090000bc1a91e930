"""Who may call a route: declared on every one of them; a test proves that nobody forgot.

One login for all: an operator or a provider is a resident with a role, so their session also opens the resident's own
routes. A mini-app and a reader are never residents.

Who acts for another is, to a route, the resident acted for. A route that may be called so declares it; every other one
is closed to them. What they do goes into the ledger before it is done.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

from starlette.types import ASGIApp

from app_server.kernel.ids import uuid7_text
from app_server.kernel.ports import Viewer
from app_server.kernel.problems import (
    ActingChanged,
    InsufficientScope,
    MandateTooNarrow,
    NotForThisAccount,
    NotOnBehalf,
    SignInRequired,
)
from app_server.kernel.routing import Endpoint
from app_server.kernel.state import AppRequest

KEY_CHALLENGE = 'DPoP algs="ES256 Ed25519 EdDSA"'  # RFC 9449 §7.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Anonymous:
    """Nobody in particular."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """Under which mandate somebody acts for another, and who: `app_ids` are the only services it is for, none: all.

    `own_session_id` is the session in which they are themselves.
    """

    mandate_id: UUID
    actor_id: UUID
    own_session_id: UUID
    actor_name: str
    for_name: str
    may_act: bool
    app_ids: frozenset[str]

    def opens(self, app_id: str) -> bool:
        """Whether the mandate is for this service."""
        return self.may_act and (not self.app_ids or app_id in self.app_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """A person signed in; `roles` are what else they may do here. With `acting` it is the one whom another acts for."""

    id: UUID
    session_id: UUID
    roles: frozenset[str] = field(default=frozenset())
    organisation_id: UUID | None = None
    acting: Acting | None = None

    @property
    def own_session_id(self) -> UUID:
        """The session of whoever is in front of the screen."""
        return self.acting.own_session_id if self.acting else self.session_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """A person of the city who manages listings."""

    id: UUID
    session_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A person who publishes mini-services for an organisation."""

    id: UUID
    session_id: UUID
    organisation_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """An enrolled reader of cards: a desk, a gate."""

    id: UUID
    name: str
    place: str
    app_id: str
    role: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class MiniApp:
    """A mini-app with its own token, or with a resident's: then `sub` and `resident_id` say whose. With
    `mandate_id` somebody else opened it for them, whom the app knows as `act_sub`.
    """

    app_id: str
    scopes: frozenset[str]
    sub: str | None = None
    resident_id: UUID | None = None
    launch_id: UUID | None = None
    mandate_id: UUID | None = None
    act_sub: str | None = None


Principal = Anonymous | Resident | Operator | Provider | Verifier | MiniApp
Kind = TypeVar("Kind", Anonymous, Resident, Operator, Provider, Verifier, MiniApp)


@dataclass(frozen=True, slots=True, kw_only=True)
class OnBehalf:
    """That a route may be called for another. `what` is the ledger's name for it; None leaves no entry.

    `acts`: looking is not enough for it. `by_service`: open also under a mandate for some services only; the route asks
    for which.
    """

    what: str | None
    acts: bool = False
    by_service: bool = False


ACTING_HEADER = "banyan-acting"  # for whom a page was drawn: a mandate's id, or "self"
UNDER_A_MANDATE = {"zh-CN": "凭授权替您办理", "en": "On your behalf, under a mandate"}  # the purpose in the ledger
FRAME = OnBehalf(what=None, by_service=True)  # what every page needs around it


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a route declares: the kinds of caller, the scope that a token of theirs must carry, and whether it may be
    called for another.
    """

    kinds: tuple[type[Any], ...]
    scope: str | None
    on_behalf: OnBehalf | None


def access(
    *kinds: type[Any], scope: str | None = None, on_behalf: OnBehalf | None = None
) -> Callable[[Endpoint], Endpoint]:
    """Admit these kinds of caller. The route finds the caller by `actor(request, Kind)`.

    Nobody recognised: 401 `sign_in_required`. Another kind: 403 `not_for_this_account`. A token without the scope: 403
    `insufficient_scope`. For another: 403 `not_on_behalf`, `mandate_too_narrow`.
    """
    declared = Access(kinds=kinds, scope=scope, on_behalf=on_behalf)

    def declare(endpoint: Endpoint) -> Endpoint:
        @wraps(endpoint)
        async def admitted(request: AppRequest) -> ASGIApp:
            request.scope["user"] = await _admit(request, declared)
            return await endpoint(request)

        admitted.__access__ = declared  # type: ignore[attr-defined]
        return admitted

    return declare


def actor(request: AppRequest, kind: type[Kind]) -> Kind:
    """The caller, typed. For a route that admits several kinds, ask `isinstance(request.scope["user"], Kind)` first."""
    user = request.scope["user"]
    assert isinstance(user, kind), "the route does not declare this kind"
    return user


def require_service(resident: Resident, app_id: str) -> None:
    """Problem `mandate_too_narrow` for who acts for another in a service that the mandate is not for."""
    if resident.acting is not None and not resident.acting.opens(app_id):
        raise MandateTooNarrow()


async def _admit(request: AppRequest, declared: Access) -> Principal:
    if declared.kinds == (Anonymous,):
        return Anonymous()  # also when a credential of another kind comes along, such as a carrier's Basic
    found = await request.state["authenticator"].identify(request, declared.kinds)
    for kind in declared.kinds:
        principal = _as(kind, found)
        if principal is None:
            continue
        if declared.scope and isinstance(principal, MiniApp | Verifier) and declared.scope not in principal.scopes:
            raise InsufficientScope(
                headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{declared.scope}"'},
                scope=declared.scope,
            )
        if isinstance(principal, Resident):
            request.scope["user"] = principal  # also a page of refusal says for whom one acts
            await _for_whom(request, declared.on_behalf, principal)
        return principal
    if isinstance(found, Anonymous):
        raise SignInRequired(headers={"WWW-Authenticate": f"Bearer, {KEY_CHALLENGE}"})
    raise NotForThisAccount()


async def _for_whom(request: AppRequest, allowed: OnBehalf | None, resident: Resident) -> None:
    """Refuse what is not open to who acts for another, and write down what is: a look once an hour for each thing, an
    act each time. A page that was drawn before its window's neighbour changed for whom one acts is told so.
    """
    acting, meant = resident.acting, request.headers.get(ACTING_HEADER)
    if meant is not None and meant != (str(acting.mandate_id) if acting else "self"):
        raise ActingChanged()
    if acting is None:
        return
    if allowed is None:
        raise NotOnBehalf()
    if (allowed.acts and not acting.may_act) or (acting.app_ids and not allowed.by_service):
        raise MandateTooNarrow()
    if allowed.what is None:
        return
    now, ports, app_id = request.state["clock"](), request.state["ports"], request.scope["path_params"].get("app_id")
    service = ports.clients.find(app_id) if app_id else None
    await ports.ledger.record_look(
        resident_id=resident.id,
        who=Viewer(kind="agent", id=str(acting.actor_id), name=acting.actor_name),
        purpose=UNDER_A_MANDATE,
        fields=[allowed.what, service.app_id] if service else [allowed.what],
        reference=f"mandate:{acting.mandate_id}:{uuid7_text() if allowed.acts else f'{allowed.what}:{now:%Y%m%d%H}'}",
        at=now,
        mandate_id=acting.mandate_id,
    )


def _as(kind: type[Any], found: Principal) -> Principal | None:
    if kind is Anonymous or type(found) is kind:
        return found
    if isinstance(found, Resident):
        if kind is Operator and "operator" in found.roles:
            return Operator(id=found.id, session_id=found.session_id)
        if kind is Provider and "provider" in found.roles and found.organisation_id:
            return Provider(id=found.id, session_id=found.session_id, organisation_id=found.organisation_id)
    return None

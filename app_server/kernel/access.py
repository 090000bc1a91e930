"""Who may call a route: declared on every one of them; a test proves that nobody forgot.

One login for all: an operator or a provider is a resident with a role, so their session also opens the resident's own
routes. A mini-app and a reader are never residents.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

from starlette.types import ASGIApp

from app_server.kernel.problems import InsufficientScope, NotForThisAccount, SignInRequired
from app_server.kernel.routing import Endpoint
from app_server.kernel.state import AppRequest

KEY_CHALLENGE = 'DPoP algs="ES256 Ed25519 EdDSA"'  # RFC 9449 §7.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Anonymous:
    """Nobody in particular."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """A person signed in; `roles` are what else they may do here."""

    id: UUID
    session_id: UUID
    roles: frozenset[str] = field(default=frozenset())
    organisation_id: UUID | None = None


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
    """A mini-app with its own token, or with a resident's: then `sub` and `resident_id` say whose."""

    app_id: str
    scopes: frozenset[str]
    sub: str | None = None
    resident_id: UUID | None = None
    launch_id: UUID | None = None


Principal = Anonymous | Resident | Operator | Provider | Verifier | MiniApp
Kind = TypeVar("Kind", Anonymous, Resident, Operator, Provider, Verifier, MiniApp)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a route declares: the kinds of caller, and the scope that a token of theirs must carry."""

    kinds: tuple[type[Any], ...]
    scope: str | None


def access(*kinds: type[Any], scope: str | None = None) -> Callable[[Endpoint], Endpoint]:
    """Admit these kinds of caller. The route finds the caller by `actor(request, Kind)`.

    Nobody recognised: 401 `sign_in_required`. Another kind: 403 `not_for_this_account`. A token without the scope: 403
    `insufficient_scope`.
    """
    declared = Access(kinds=kinds, scope=scope)

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
        return principal
    if isinstance(found, Anonymous):
        raise SignInRequired(headers={"WWW-Authenticate": f"Bearer, {KEY_CHALLENGE}"})
    raise NotForThisAccount()


def _as(kind: type[Any], found: Principal) -> Principal | None:
    if kind is Anonymous or type(found) is kind:
        return found
    if isinstance(found, Resident):
        if kind is Operator and "operator" in found.roles:
            return Operator(id=found.id, session_id=found.session_id)
        if kind is Provider and "provider" in found.roles and found.organisation_id:
            return Provider(id=found.id, session_id=found.session_id, organisation_id=found.organisation_id)
    return None

"""The outside providers that this process knows, and what it has read of them lately."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

from app_server.identity.outside import answers
from app_server.identity.outside.answers import Metadata, NotSound
from app_server.identity.outside.problems import OutsideUnavailable
from app_server.kernel.jwks import OutsideKey, outside_keys
from app_server.kernel.outside_providers import OutsideProvider, read_providers
from app_server.kernel.problems import NotFound
from app_server.kernel.settings import Mode, Settings
from app_server.kernel.state import AppState

KEPT = timedelta(minutes=5)
AGAIN = timedelta(seconds=30)  # nobody makes us read a provider's keys more often than that


@dataclass(slots=True)
class _Read:
    metadata: tuple[datetime, Metadata] | None = None
    keys: tuple[datetime, Mapping[str, OutsideKey]] | None = None


@dataclass(frozen=True, slots=True)
class OutsideProviders:
    """By id, in the order of the operator's file."""

    by_id: Mapping[str, OutsideProvider]
    allow_loopback: bool
    read: dict[str, _Read] = field(default_factory=dict)


class OutsideState(AppState):
    """The process's state with the outside providers."""

    outside_providers: OutsideProviders


def known(settings: Settings) -> OutsideProviders:
    """Those of the settings; for the life of the process."""
    path, allow_loopback = settings.outside_providers, settings.mode is not Mode.PRODUCTION
    by_id = read_providers(path, allow_loopback=allow_loopback) if path else {}
    return OutsideProviders(by_id, allow_loopback)


def providers(state: AppState) -> Mapping[str, OutsideProvider]:
    """The providers by id."""
    return cast(OutsideState, state)["outside_providers"].by_id


def provider_with(provider_id: str, state: AppState) -> OutsideProvider:
    """The provider of that id. Problem: `not_found`."""
    found = providers(state).get(provider_id)
    if found is None:
        raise NotFound()
    return found


async def metadata_of(provider: OutsideProvider, state: AppState) -> Metadata:
    """Its metadata, read anew after some minutes. Raises `NotSound`; problem: `outside_unavailable`."""
    outside, now = cast(OutsideState, state)["outside_providers"], state["clock"]()
    read = outside.read.setdefault(provider.said.id, _Read())
    if read.metadata is None or now - read.metadata[0] >= KEPT:
        url = provider.said.issuer.rstrip("/") + "/.well-known/openid-configuration"
        document = await get(url, state, what="metadata")
        read.metadata = now, answers.metadata(document, provider, allow_loopback=outside.allow_loopback)
    return read.metadata[1]


async def keys_of(
    provider: OutsideProvider, metadata: Metadata, state: AppState, *, anew: bool = False
) -> Mapping[str, OutsideKey]:
    """Its keys by kid; `anew` when one was not among them. Raises as above."""
    outside, now = cast(OutsideState, state)["outside_providers"], state["clock"]()
    read = outside.read.setdefault(provider.said.id, _Read())
    if read.keys is None or now - read.keys[0] >= (AGAIN if anew else KEPT):
        listed = (await get(metadata.jwks, state, what="keys")).get("keys")
        if not isinstance(listed, list):
            raise NotSound("keys: no list")
        read.keys = now, outside_keys(listed)
    return read.keys[1]


async def get(url: str, state: AppState, *, what: str, headers: Mapping[str, str] | None = None) -> dict[str, object]:
    """The JSON object there. Raises as above."""
    answer = await state["ports"].outside.ask(url, headers=headers)
    if answer is None or answer.status >= 500:
        raise OutsideUnavailable()
    return answers.document(answer.status, answer.body, what=what)


async def post(
    url: str, provider: OutsideProvider, form: Mapping[str, str], state: AppState, *, what: str
) -> dict[str, object]:
    """The JSON object that comes back for a form by which we prove ourselves. Raises as above."""
    members, headers = answers.proof_of_us(provider, state["clock"]())
    answer = await state["ports"].outside.ask(url, form={**form, **members}, headers=headers)
    if answer is None or answer.status >= 500:
        raise OutsideUnavailable()
    return answers.document(answer.status, answer.body, what=what)

"""A listing in the tables, as the seed puts it there."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app_server.kernel.jwks import public_key
from app_server.registry import service
from app_server.registry.published import listings
from tests.city import City
from tests.manifests import manifest

JWK = {"kty": "OKP", "crv": "Ed25519", "kid": "library-1", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
SEED = service.By(kind="system", id="seed")

assert isinstance(public_key(JWK), type(Ed25519PrivateKey.generate().public_key()))


async def register(
    city: City,
    app_id: str = "library",
    *,
    endpoint: str = "http://127.0.0.1:9",
    organisation: str = "Fuzhou Library",
    document: dict[str, Any] | None = None,
    keys: Sequence[Mapping[str, Any]] = (JWK,),
    **banyan: Any,
) -> UUID:
    """Register the mini-app and let this process see it; the organisation's id."""
    organisation_id = await service.found_organisation(organisation)
    await service.register_listing(
        manifest=document or manifest(app_id, **banyan),
        public_keys=keys,
        endpoint=endpoint,
        organisation_id=organisation_id,
        by=SEED,
        clock=city.clock,
        redis=city.state["redis"],
    )
    await listings(city.state).refresh()
    return organisation_id

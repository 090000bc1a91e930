"""Makes what tests begin with: a published mini-app, a resident's consent, tokens of apps and readers."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.utils import base64url_encode

from app_server.authorization.service import give_consent
from app_server.kernel.ids import uuid7
from app_server.kernel.tokens import sign
from app_server.registry.published import listings
from app_server.registry.service import By, found_organisation, register_listing
from tests.actors import Person
from tests.city import City

LIBRARY_MANIFEST = json.loads((Path(__file__).parents[1] / "miniapps/library/miniapp.json").read_text())
NOWHERE = "http://127.0.0.1:9"  # the discard port: nothing listens there


async def publish(city: City, manifest: Mapping[str, Any] = LIBRARY_MANIFEST, endpoint: str = NOWHERE) -> UUID:
    """Put a mini-app online; the id of the organisation that it belongs to."""
    public = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    organisation_id = await found_organisation(f"Provider of {manifest['app_id']}")
    await register_listing(
        manifest=manifest,
        public_keys=[{"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": base64url_encode(public).decode()}],
        endpoint=endpoint,
        organisation_id=organisation_id,
        by=By(kind="operator", id="seed"),
        clock=city.clock,
    )
    await listings(city.state).refresh()
    return organisation_id


async def consent(city: City, person: Person, scopes: Iterable[str], app_id: str = "library") -> None:
    """Let the mini-app have these scopes of a resident."""
    client = city.state["ports"].clients.find(app_id)
    assert client is not None, "publish it first"
    await give_consent(UUID(person.id), client, list(scopes), state=city.state)


def subject(city: City, person: Person, app_id: str = "library") -> str:
    """How the mini-app knows the resident."""
    return city.state["keys"].pairwise(app_id, UUID(person.id))


def app_token(city: City, scope: str, app_id: str = "library") -> str:
    """A token as the token endpoint gives it for the mini-app's own proof."""
    now, issuer = int(city.clock().timestamp()), city.settings.base_url
    claims: dict[str, object] = {"iss": issuer, "aud": issuer, "client_id": app_id, "sub": app_id, "scope": scope}
    claims |= {"iat": now, "exp": now + 600, "jti": str(uuid7())}
    return sign(claims, typ="at+jwt", keys=city.state["keys"])


async def reader_token(operator: Person, role: str = "desk", app_id: str = "library") -> str:
    """The token of a reader that the operator adds and a device enrols."""
    asked = {"name": "Desk 3", "place": "Fuzhou Library, ground floor", "app_id": app_id, "role": role}
    added = await operator.post("/v1/verifiers", json=asked)
    assert added.status_code == 201, added.text
    async with operator.city.browser() as device:
        made = await device.post("/v1/verifiers/enrolments", json={"code": added.json()["enrolment_code"]})
    assert made.status_code == 201, made.text
    return str(made.json()["token"])

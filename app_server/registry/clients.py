"""The published mini-apps as the token endpoint and the consent page see them."""

from base64 import urlsafe_b64decode
from collections.abc import Iterable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app_server.kernel.languages import LANGUAGES
from app_server.kernel.logs import logger
from app_server.kernel.ports import Client, ScopeRequest
from app_server.kernel.settings import Settings
from app_server.kernel.state import AppState
from app_server.registry.published import PublishedListing, listings

PublicKey = EllipticCurvePublicKey | Ed25519PublicKey

log = logger(__name__)


class PublishedClients:
    """The port that authorization asks; made anew when a listing changes, not at each request."""

    def __init__(self, state: AppState) -> None:
        self._listings = listings(state)
        self._settings = state["settings"]
        self._made: dict[str, tuple[PublishedListing, Client]] = {}

    def find(self, app_id: str) -> Client | None:
        """The client, or None when there is none or it is not open to residents at present."""
        listing = self._listings.get(app_id)
        if listing is None or not listing.open:
            return None
        made = self._made.get(app_id)
        if made is None or made[0] is not listing:
            made = self._made[app_id] = (listing, client_of(listing, self._settings))
        return made[1]


def client_of(listing: PublishedListing, settings: Settings) -> Client:
    """The listing as a client. Each mini-app is a sector of its own: no two of them can compare their residents."""
    banyan = listing.manifest.banyan
    return Client(
        app_id=listing.app_id,
        name={language: listing.title(language) for language in LANGUAGES},
        origin=settings.app_origin(listing.app_id),
        sector=listing.app_id,
        public_keys=dict(_keys(listing.app_id, listing.public_keys)),
        scopes=[
            ScopeRequest(
                scope=asked.scope,
                purpose=asked.purpose,
                legal_basis=asked.legal_basis,
                retention=asked.retention,
                required=asked.required,
            )
            for asked in banyan.scopes
        ],
    )


def public_key(jwk: Mapping[str, Any]) -> PublicKey:
    """The key of a JWK (RFC 7517): Ed25519 or P-256, public. Raises ValueError."""
    if jwk.get("d"):
        raise ValueError("a private key")
    match jwk.get("kty"), jwk.get("crv"):
        case "OKP", "Ed25519":
            return Ed25519PublicKey.from_public_bytes(_bytes(jwk, "x"))
        case "EC", "P-256":
            x, y = (int.from_bytes(_bytes(jwk, name)) for name in ("x", "y"))
            return EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key()
    raise ValueError("a kind of key that is not used here")


def _keys(app_id: str, jwks: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, PublicKey]]:
    for jwk in jwks:
        try:
            yield str(jwk["kid"]), public_key(jwk)
        except (ValueError, KeyError) as error:  # it was checked at registration; without it the others still hold
            log.error("public_key_unreadable", app_id=app_id, reason=str(error))


def _bytes(jwk: Mapping[str, Any], name: str) -> bytes:
    text = jwk[name]
    if not isinstance(text, str):
        raise ValueError(f"{name} is not text")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))

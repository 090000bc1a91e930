"""The published mini-apps as the token endpoint and the consent page see them."""

from app_server.kernel.jwks import readable
from app_server.kernel.languages import LANGUAGES
from app_server.kernel.ports import Client, Proof, ScopeRequest
from app_server.kernel.settings import Settings
from app_server.kernel.state import AppState
from app_server.registry.published import PublishedListing, listings


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
        redirect_uris=frozenset({f"{settings.app_origin(listing.app_id)}/"}),
        proof=Proof.PRIVATE_KEY_JWT,
        public_keys=readable(listing.app_id, listing.public_keys),
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

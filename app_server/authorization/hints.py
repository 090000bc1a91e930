"""An ID token of ours that comes back as a hint: who it was made for, and about whom, however old it is."""

from app_server.kernel.state import AppState
from app_server.kernel.tokens import Expectation, VerifiedClaims, verify


def hinted(hint: str, state: AppState) -> VerifiedClaims:
    """Its claims; nothing but a sound ID token of ours is one. Raises `TokenRefused`."""
    expected = Expectation(
        typ="JWT",
        issuer=state["settings"].base_url,
        audience=None,
        required=("iss", "aud", "exp", "iat", "sub", "auth_time"),
        may_be_old=True,
    )
    return verify(hint, expected, state["keys"].hint_keys, state["clock"]())
